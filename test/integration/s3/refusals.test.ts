/** What is no valid request is refused in S3's own words, and leaves nothing. */
import { createHmac } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextSignature, sha256, signingKey } from '../../../src/main/dialects/colonies/s3/auth/signature.ts'
import { until } from '../../support/liveManager.ts'
import { S3Caller, seedOf, type S3Send } from '../../support/s3Caller.ts'
import { openS3Farm, type S3Farm } from '../../support/s3Farm.ts'

const MINUTE_MS = 60_000
let farm: S3Farm
let s3: S3Caller
beforeAll(async () => {
  farm = await openS3Farm()
  s3 = (await farm.colony('studio')).s3
  await s3.send('PUT', '/files')
})
afterAll(() => farm.farm.stop())

const underway = (): Promise<string[]> => readdir(join(farm.farm.folder, 'data', 'storage', 'file-store', 'uploading')).catch(() => [])

describe('a request is refused', () => {
  it.each<[string, string, number, S3Send]>([
    [
      'for another signature',
      'SignatureDoesNotMatch',
      403,
      { spoil: (h) => (h['authorization'] = h['authorization']?.replace(/.$/, (c) => (c === '0' ? '1' : '0')) ?? '') },
    ],
    [
      'for a header that was changed',
      'SignatureDoesNotMatch',
      403,
      { headers: { 'x-amz-meta-a': '1' }, spoil: (h) => (h['x-amz-meta-a'] = '2') },
    ],
    ['for a header that was added', 'AccessDenied', 403, { spoil: (h) => (h['x-amz-meta-added'] = '1') }],
    ['for a body that was changed', 'XAmzContentSHA256Mismatch', 400, { payload: sha256('other') }],
    ['for a clock that is 16 minutes slow', 'RequestTimeTooSkewed', 403, { at: new Date(Date.now() - 16 * MINUTE_MS) }],
    ['for a clock that is 16 minutes fast', 'RequestTimeTooSkewed', 403, { at: new Date(Date.now() + 16 * MINUTE_MS) }],
    ['without a signature', 'AccessDenied', 403, { spoil: (h) => delete h['authorization'] }],
    ['for an old kind of signature', 'InvalidRequest', 400, { spoil: (h) => (h['authorization'] = 'AWS key:signature') }],
    ['for a form of body that is none', 'InvalidArgument', 400, { payload: 'SIGNED-SOMEHOW' }],
    ['for a form of body that is not supported', 'NotImplemented', 501, { payload: 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD' }],
    ['for a wrong MD5', 'BadDigest', 400, { headers: { 'content-md5': Buffer.alloc(16).toString('base64') } }],
    ['for an MD5 that is none', 'InvalidDigest', 400, { headers: { 'content-md5': 'short' } }],
    ['for a wrong CRC64NVME', 'BadDigest', 400, { headers: { 'x-amz-checksum-crc64nvme': Buffer.alloc(8).toString('base64') } }],
    ['for two checksums', 'InvalidRequest', 400, { headers: { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-crc32c': 'AAAAAA==' } }],
    ['of a page of another site', 'AccessDenied', 403, { headers: { origin: 'http://evil.example' } }],
    ['under a name that is not this server’s', 'AccessDenied', 403, { headers: { host: 'evil.example' } }],
  ])('%s', async (_why, code, status, options) => {
    const reply = await s3.send('PUT', '/files/refused', { body: 'content', ...options })
    expect([reply.code, reply.status], reply.text).toEqual([code, status])
    expect(reply.text).toContain('<Resource>/files/refused</Resource>')
    expect(reply.text).toContain(`<RequestId>${String(reply.headers['x-amz-request-id'])}</RequestId>`)
    expect((await s3.send('GET', '/files/refused')).code).toBe('NoSuchKey')
  })

  it('for a key that is unknown, removed, or of one who left the colony', async () => {
    const other = new S3Caller(farm.port, { accessKey: 'FHUNKNOWN', secretKey: 'x' })
    expect((await other.send('GET', '/')).code).toBe('InvalidAccessKeyId')
    const { s3: gone, owner } = await farm.colony('leavers')
    expect((await gone.send('GET', '/')).status).toBe(200)
    await owner.ask('removeusermsg', { colonyname: 'leavers', name: 'artist' })
    expect((await gone.send('GET', '/')).code).toBe('InvalidAccessKeyId')
    const { s3: removed } = await farm.colony('removers')
    expect((await farm.farm.call('DELETE', `/colonies/removers/s3-keys/${removed.identity.accessKey}`)).status).toBe(204)
    expect((await removed.send('GET', '/')).code).toBe('InvalidAccessKeyId')
  })

  it.each(['%ff', 'a%2', '%E0%A4%A'])('for the address %s', async (path) => {
    const headers = s3.sign('GET', '/files/x', {})
    expect((await s3.raw('GET', `/files/${path}`, headers, Buffer.alloc(0))).code).toBe('InvalidURI')
  })
})

describe('buckets of another colony', () => {
  it('are not there, whatever is asked of them', async () => {
    const { s3: stranger } = await farm.colony('strangers')
    await s3.send('PUT', '/files/secret', { body: 'secret' })
    expect((await stranger.send('GET', '/')).text).not.toContain('files')
    expect((await stranger.send('HEAD', '/files')).status).toBe(404)
    for (const [method, path] of [
      ['GET', '/files/secret'],
      ['DELETE', '/files/secret'],
      ['PUT', '/files/secret'],
      ['GET', '/files'],
      ['DELETE', '/files'],
    ] as const) {
      expect((await stranger.send(method, path)).code, `${method} ${path}`).toBe('NoSuchBucket')
    }
    await stranger.send('PUT', '/mine')
    const copy = await stranger.send('PUT', '/mine/copy', { headers: { 'x-amz-copy-source': '/files/secret' } })
    expect(copy.code).toBe('NoSuchBucket')
    // The name is free for them, and means their own.
    expect((await stranger.send('PUT', '/files')).status).toBe(200)
    expect((await stranger.send('GET', '/files/secret')).code).toBe('NoSuchKey')
    expect((await s3.send('GET', '/files/secret')).text).toBe('secret')
  })
})

/** Chunks as an SDK signs them. */
function signedChunks(chunks: Buffer[], headers: Record<string, string>, at: Date, trailer?: [string, string]): Buffer {
  const signing = { key: signingKey(s3.identity.secretKey, s3.scope(at)), date: headers['x-amz-date'] ?? '', scope: s3.scope(at), seed: '' }
  let previous = seedOf(headers)
  const parts: Buffer[] = []
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    previous = nextSignature(signing, previous, sha256(chunk))
    parts.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`), chunk)
    if (chunk.length > 0 || !trailer) parts.push(Buffer.from('\r\n'))
  }
  if (trailer) {
    const text = `${trailer[0]}:${trailer[1]}\n`
    const signature = nextSignature(signing, previous, sha256(text), true)
    parts.push(Buffer.from(`${trailer[0]}:${trailer[1]}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`))
  }
  return Buffer.concat(parts)
}

describe('a body in chunks', () => {
  const content = [randomBytes(65_536), randomBytes(1_000_000), randomBytes(77)]
  const whole = Buffer.concat(content)
  const crc = 'x-amz-checksum-sha256'
  const crcValue = Buffer.from(sha256(whole), 'hex').toString('base64')

  const put = (path: string, change: (body: Buffer) => Buffer, trailer?: [string, string], length = whole.length, breakAfter?: number) => {
    const at = new Date()
    const payload = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer ? '-TRAILER' : ''}`
    const more = {
      'x-amz-decoded-content-length': String(length),
      'content-encoding': 'aws-chunked',
      ...(trailer && { 'x-amz-trailer': trailer[0] }),
    }
    const headers = s3.sign('PUT', path, { headers: more, payload, at })
    const body = change(signedChunks(content, headers, at, trailer))
    headers['content-length'] = String(body.length)
    return s3.raw('PUT', path, headers, body, breakAfter)
  }
  const same = (body: Buffer): Buffer => body

  it.each([undefined, [crc, crcValue] as [string, string]])('is kept when every signature holds (trailer: %s)', async (trailer) => {
    const reply = await put('/files/chunks', same, trailer)
    expect(reply.status, reply.text).toBe(200)
    const got = await s3.send('GET', '/files/chunks')
    expect(got.bytes.equals(whole)).toBe(true)
    expect(got.headers['content-encoding']).toBeUndefined()
  })

  it.each<[string, string, Parameters<typeof put> extends [string, ...infer Rest] ? Rest : never]>([
    ['a byte of a chunk was changed', 'SignatureDoesNotMatch', [(body) => flip(body, 70_000)]],
    ['a byte of the last chunk was changed', 'SignatureDoesNotMatch', [(body) => flip(body, body.length - 130)]],
    ['a trailer was changed', 'SignatureDoesNotMatch', [(body) => flip(body, body.indexOf(crcValue) + 3), [crc, crcValue]]],
    ['the trailer’s checksum is wrong', 'BadDigest', [same, [crc, Buffer.alloc(32).toString('base64')]]],
    ['the last chunk is missing', 'IncompleteBody', [(body) => body.subarray(0, body.lastIndexOf('\r\n0;'))]],
    ['fewer bytes were announced', 'IncompleteBody', [same, undefined, whole.length - 1]],
    ['more bytes were announced', 'IncompleteBody', [same, undefined, whole.length + 1]],
    [
      'a chunk has no signature',
      'InvalidRequest',
      [(body) => Buffer.from(body.toString('latin1').replace(/;chunk-signature=\w+/, ''), 'latin1')],
    ],
    ['a chunk has no size', 'InvalidRequest', [(body) => Buffer.concat([Buffer.from('x'), body])]],
    ['its first line does not end', 'InvalidRequest', [() => Buffer.alloc(100_000, 0x61)]],
  ])('is refused when %s', async (_why, code, more) => {
    const reply = await put('/files/spoiled', ...more)
    expect(reply.code, reply.text).toBe(code)
    expect((await s3.send('HEAD', '/files/spoiled')).status).toBe(404)
    await until(async () => (await underway()).length === 0, 'nothing of it is left')
  })

  it('that breaks off leaves nothing, and the object that was there', async () => {
    await s3.send('PUT', '/files/kept', { body: 'before' })
    await expect(put('/files/kept', same, undefined, whole.length, 500_000)).rejects.toThrow()
    await until(async () => (await underway()).length === 0, 'nothing of it is left')
    expect((await s3.send('GET', '/files/kept')).text).toBe('before')
  })
})

describe('an address that is signed beforehand', () => {
  const presigned = (at: Date, expires: number): string => {
    const scope = s3.scope(at)
    const date = at.toISOString().replace(/[-:]|\.\d+/g, '')
    const query = [
      'X-Amz-Algorithm=AWS4-HMAC-SHA256',
      `X-Amz-Credential=${encodeURIComponent(`${s3.identity.accessKey}/${scope}`)}`,
      `X-Amz-Date=${date}`,
      `X-Amz-Expires=${expires}`,
      'X-Amz-SignedHeaders=host',
    ].join('&')
    const canonical = ['GET', '/files/ten', query, `host:${s3.host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n')
    const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
    const signature = createHmac('sha256', signingKey(s3.identity.secretKey, scope)).update(text).digest('hex')
    return `/files/ten?${query}&X-Amz-Signature=${signature}`
  }
  const get = (path: string) => s3.raw('GET', path, { host: s3.host }, Buffer.alloc(0))

  it('counts from its time on until it expires', async () => {
    await s3.send('PUT', '/files/ten', { body: '0123456789' })
    const ago = (ms: number) => new Date(Date.now() - ms)
    expect((await get(presigned(ago(0), 60))).text).toBe('0123456789')
    expect((await get(presigned(ago(2 * MINUTE_MS), 60))).text).toContain('Request has expired')
    expect((await get(presigned(ago(-30 * MINUTE_MS), 60))).text).toContain('Request is not valid yet')
    expect((await get(presigned(ago(0), 604_801))).code).toBe('AuthorizationQueryParametersError')
  })
})

function flip(body: Buffer, at: number): Buffer {
  const changed = Buffer.from(body)
  changed[at] = (changed[at] ?? 0) ^ 1
  return changed
}
