import { describe, expect, it } from 'vitest'
import { ChunkReader, type ChunkEvent } from '../../../../src/main/dialects/colonies/s3/auth/chunks.ts'
import { canonicalRequest, signingKey, sha256 } from '../../../../src/main/dialects/colonies/s3/auth/signature.ts'
import { cutPieces, rangeOfPart, readRange } from '../../../../src/main/dialects/colonies/s3/objects/ranges.ts'
import { firstBehind, groupOf } from '../../../../src/main/dialects/colonies/s3/objects/listing.ts'
import { checkBucketName, readAddress } from '../../../../src/main/dialects/colonies/s3/wire/address.ts'
import { readXml, xmlDocument } from '../../../../src/main/dialects/colonies/s3/wire/xml.ts'
import { keptHeaders } from '../../../../src/main/dialects/colonies/s3/objects/headers.ts'
import { createHmac } from 'node:crypto'

describe('addresses', () => {
  it.each([
    ['/', 'h', '', ''],
    ['/bucket', 'h', 'bucket', ''],
    ['/bucket/', 'h', 'bucket', ''],
    ['/bucket/a//b/', 'h', 'bucket', 'a//b/'],
    ['/bucket/..%2F../x', 'h', 'bucket', '../../x'],
    ['/bucket/a+b%20c', 'h', 'bucket', 'a+b c'],
    ['/key/of', 'bucket.s3.test:81', 'bucket', 'key/of'],
    ['/', 'a.b.s3.test', 'a.b', ''],
    ['/bucket/k', 's3.test', 'bucket', 'k'],
    ['http://host/bucket/k?x=1', 'h', 'bucket', 'k'],
  ])('%s at %s', (url, host, bucket, key) => {
    expect(readAddress(url, host, ['s3.test'])).toMatchObject({ bucket, key })
  })

  it('are signed decoded once and encoded anew', () => {
    expect(readAddress("/b/a b'(ü)*~%2f", 'h', []).canonicalPath).toBe('/b/a%20b%27%28%C3%BC%29%2A~/')
    expect(readAddress('/b?b=2&a=1&c&d=x+y', 'h', []).query).toEqual([
      ['b', '2'],
      ['a', '1'],
      ['c', ''],
      ['d', 'x y'],
    ])
  })

  it.each(['ab', 'A-b', 'a..b', '1.2.3.4', '-ab', 'ab-', 'a_b', 'x'.repeat(64)])('%s is no bucket', (name) => {
    expect(() => checkBucketName(name)).toThrow('not valid')
  })
})

it('a signature is the one of the published example', () => {
  const headers = new Map([
    ['host', 'examplebucket.s3.amazonaws.com'],
    ['range', 'bytes=0-9'],
    ['x-amz-content-sha256', sha256('')],
    ['x-amz-date', '20130524T000000Z'],
  ])
  const address = readAddress('/test.txt', 'examplebucket.s3.amazonaws.com', ['s3.amazonaws.com'])
  const canonical = canonicalRequest({ method: 'GET', address, headers }, { signedHeaders: [...headers.keys()], payload: sha256('') })
  const scope = '20130524/us-east-1/s3/aws4_request'
  const key = signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', scope)
  const text = ['AWS4-HMAC-SHA256', '20130524T000000Z', scope, sha256(canonical)].join('\n')
  expect(createHmac('sha256', key).update(text).digest('hex')).toBe('f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41')
})

describe('chunks', () => {
  const read = (text: string, step: number, isSigned = false): ChunkEvent[] => {
    const reader = new ChunkReader(isSigned, true)
    const events: ChunkEvent[] = []
    for (let at = 0; at < text.length; at += step) events.push(...reader.read(Buffer.from(text.slice(at, at + step))))
    expect(reader.isOver).toBe(true)
    return events
  }
  const content = (events: ChunkEvent[]): string => events.map((event) => (event.kind === 'data' ? event.bytes.toString() : '')).join('')

  it.each([1, 2, 5, 1_000])('are read %s bytes at a time', (step) => {
    const events = read('5\r\nhello\r\nA\r\n0123456789\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n', step)
    expect(content(events)).toBe('hello0123456789')
    expect(events.filter(({ kind }) => kind === 'end')).toHaveLength(3)
    expect(events.at(-1)).toMatchObject({
      trailers: new Map([['x-amz-checksum-crc32', 'AAAAAA==']]),
      text: 'x-amz-checksum-crc32:AAAAAA==\n',
    })
  })

  it('may have an empty line before the signature of the trailers', () => {
    const sign = 'a'.repeat(64)
    const events = read(
      `1;chunk-signature=${sign}\r\nx\r\n0;chunk-signature=${sign}\r\nx-amz-checksum-crc32:v\n\r\nx-amz-trailer-signature:${sign}\r\n\r\n`,
      7,
      true,
    )
    expect(events.at(-1)).toMatchObject({ signature: sign, text: 'x-amz-checksum-crc32:v\n' })
  })
})

describe('ranges', () => {
  it.each([
    ['bytes=0-', 10, { first: 0, last: 9 }],
    ['bytes=3-5', 10, { first: 3, last: 5 }],
    ['bytes=-4', 10, { first: 6, last: 9 }],
    ['bytes=-40', 10, { first: 0, last: 9 }],
    ['bytes=5-3', 10, undefined],
    ['bytes=1-2,3-4', 10, undefined],
    [undefined, 10, undefined],
  ])('%s of %s', (header, size, range) => expect(readRange(header, size)).toEqual(range))

  it.each(['bytes=10-', 'bytes=-0'])('%s of 10 is refused', (header) => expect(() => readRange(header, 10)).toThrow('not satisfiable'))

  it('are cut from pieces', () => {
    const pieces = [
      { sha: 'a', size: 5 },
      { sha: 'e', size: 0 },
      { sha: 'b', size: 5 },
      { sha: 'c', size: 1 },
    ]
    const shown = (first: number, last: number) =>
      cutPieces(pieces, { first, last }).map(({ blob, range }) => `${blob.sha}${range.first}-${range.last}`)
    expect(shown(0, 10)).toEqual(['a0-4', 'b0-4', 'c0-0'])
    expect(shown(4, 5)).toEqual(['a4-4', 'b0-0'])
    expect(shown(10, 10)).toEqual(['c0-0'])
    expect(rangeOfPart(pieces, 3)).toEqual({ first: 5, last: 9 })
    expect(rangeOfPart(pieces, 2)).toBeUndefined()
    expect(() => rangeOfPart(pieces, 5)).toThrow('partnumber')
  })
})

it('keys are grouped up to the first delimiter behind the prefix', () => {
  expect(groupOf('a/b/c', 'a/', '/')).toBe('a/b/')
  expect(groupOf('a/b', 'a/', '/')).toBeUndefined()
  expect(groupOf('a--b--c', '', '--')).toBe('a--')
  expect(firstBehind(Buffer.from([0x61, 0xff]))).toEqual(Buffer.from([0x62]))
  expect(firstBehind(Buffer.from([0xff]))).toBeUndefined()
})

describe('XML', () => {
  it('is read with entities, prefixes, comments and texts as they are', () => {
    const root = readXml(
      '<?xml version="1.0"?><!-- c --><s:Delete xmlns:s="x"><Object><Key>a&amp;b &#x1F3AC;<![CDATA[<c>]]></Key></Object><Quiet/></s:Delete>',
    )
    expect(root.name).toBe('Delete')
    expect(root.children[0]?.children[0]?.text).toBe('a&b 🎬<c>')
  })

  it.each([
    '',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<a>&x;</a>',
    '<a>&#xffffff;</a>',
    '<a>&amp</a>',
    '<a'.repeat(20),
  ])('%s is refused', (text) => expect(() => readXml(text)).toThrow('well-formed'))

  it('is written with every character of a key', () => {
    expect(xmlDocument('K', { Key: 'a<&>"\u0001\r', None: undefined, List: [1, 2] }, false)).toContain(
      '<K><Key>a&lt;&amp;&gt;&quot;&#x1;&#xd;</Key><List>1</List><List>2</List></K>',
    )
  })
})

it('how a body was sent is no header of the object', () => {
  const kept = (encoding: string) => keptHeaders(new Map([['content-encoding', encoding]]))['content-encoding']
  expect([kept('aws-chunked'), kept('gzip,aws-chunked'), kept('aws-chunked, gzip'), kept('gzip')]).toEqual([
    undefined,
    'gzip',
    'gzip',
    'gzip',
  ])
})
