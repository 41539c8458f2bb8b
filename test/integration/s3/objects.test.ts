/** Objects over HTTP, with requests that SDKs do not send as well as those that they do. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { md5, type S3Caller } from '../../support/s3Caller.ts'
import { openS3Farm, type S3Farm } from '../../support/s3Farm.ts'

let farm: S3Farm
let s3: S3Caller
beforeAll(async () => {
  farm = await openS3Farm()
  s3 = (await farm.colony('studio')).s3
  expect((await s3.send('PUT', '/files')).status).toBe(200)
})
afterAll(() => farm.farm.stop())

describe('objects', () => {
  it('are read as they were written, with their headers', async () => {
    const body = randomBytes(3_000_000)
    const headers = { 'content-type': 'image/x-exr', 'x-amz-meta-frame': '12', 'cache-control': 'no-cache' }
    const put = await s3.send('PUT', '/files/a/b.exr', { body, headers })
    expect([put.status, put.headers.etag]).toEqual([200, `"${md5(body)}"`])
    const got = await s3.send('GET', '/files/a/b.exr')
    expect(got.status).toBe(200)
    expect(got.bytes.equals(body)).toBe(true)
    expect(got.headers).toMatchObject({
      ...headers,
      etag: `"${md5(body)}"`,
      'content-length': '3000000',
      'x-content-type-options': 'nosniff',
    })
    const head = await s3.send('HEAD', '/files/a/b.exr')
    expect([head.status, head.bytes.length, head.headers['content-length']]).toEqual([200, 0, '3000000'])
  })

  it.each([
    ['bytes=0-0', 206, 'a', 'bytes 0-0/10'],
    ['bytes=8-', 206, 'ij', 'bytes 8-9/10'],
    ['bytes=-3', 206, 'hij', 'bytes 7-9/10'],
    ['bytes=8-100', 206, 'ij', 'bytes 8-9/10'],
    ['bytes=0-1,4-5', 200, 'abcdefghij', undefined],
    ['lines=0-1', 200, 'abcdefghij', undefined],
  ])('a range %s', async (range, status, text, shown) => {
    await s3.send('PUT', '/files/ten', { body: 'abcdefghij' })
    const got = await s3.send('GET', '/files/ten', { headers: { range } })
    expect([got.status, got.text, got.headers['content-range']]).toEqual([status, text, shown])
  })

  it('a range behind the end is refused with the size', async () => {
    const got = await s3.send('GET', '/files/ten', { headers: { range: 'bytes=10-' } })
    expect([got.status, got.code, got.headers['content-range']]).toEqual([416, 'InvalidRange', 'bytes */10'])
  })

  it('an empty one has no bytes', async () => {
    expect((await s3.send('PUT', '/files/empty')).status).toBe(200)
    const got = await s3.send('GET', '/files/empty')
    expect([got.status, got.bytes.length, got.headers.etag]).toEqual([200, 0, `"${md5('')}"`])
  })
})
