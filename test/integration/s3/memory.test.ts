/** A large object passes through the manager without being held by it. */
import { createHmac } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { ColoniesCaller } from '../../support/coloniesCaller.ts'
import { until } from '../../support/liveManager.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { portToComeBackTo } from '../../support/ports.ts'
import { S3Caller, type S3Identity } from '../../support/s3Caller.ts'

const BYTES = 400 * 1_048_576
/** A quarter of it: an object that was held would show. */
const MOST_GROWTH = 100 * 1_048_576
const PATIENCE_MS = 180_000

let manager: ManagerProcess
let s3: S3Caller
beforeAll(async () => {
  manager = await ManagerProcess.start()
  const port = await portToComeBackTo()
  const serverKey = newPrivateKey()
  const settings = { coloniesEnabled: true, coloniesPort: 0, coloniesS3Port: port, coloniesServerId: idOfPrivateKey(serverKey) }
  await manager.json('PATCH', '/api/v1/settings', settings)
  const [server, owner, user] = [
    new ColoniesCaller(manager.url, serverKey),
    new ColoniesCaller(manager.url),
    new ColoniesCaller(manager.url),
  ]
  await server.ask('addcolonymsg', { colony: { colonyid: owner.id, name: 'studio' } })
  await owner.ask('addusermsg', { user: { colonyname: 'studio', userid: user.id, name: 'artist', email: '', phone: '' } })
  s3 = new S3Caller(port, await manager.json<S3Identity>('POST', '/api/v1/colonies/studio/s3-keys', { member: 'artist' }))
  await until(() => s3.send('PUT', '/files').catch(() => undefined), 'the endpoint opens')
}, PATIENCE_MS)
afterAll(() => manager.stop())

// Only Linux tells the highest mark of another process.
describe.runIf(process.platform === 'linux')('a large object passes', () => {
  it(
    'as it is written, and as it is read slowly',
    async () => {
      // Threads and buffers are there from here on.
      await s3.send('PUT', '/files/first', { body: Buffer.alloc(8 * 1_048_576, 1) })
      // Its highest mark begins anew.
      await writeFile(`/proc/${manager.child.pid}/clear_refs`, '5')
      const before = await memory('VmRSS')
      expect(await putZeros('/files/large')).toBe(200)
      expect(await countBytes('/files/large')).toBe(BYTES)
      expect((await memory('VmHWM')) - before).toBeLessThan(MOST_GROWTH)
    },
    PATIENCE_MS,
  )
})

async function memory(name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${manager.child.pid}/status`, 'utf8')
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN) * 1024
}

function putZeros(path: string): Promise<number | undefined> {
  const headers = s3.sign('PUT', path, { payload: 'UNSIGNED-PAYLOAD' })
  const block = Buffer.alloc(1_048_576)
  block.write(createHmac('md5', 'not only zeros').update(path).digest('hex'))
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port: s3.port, method: 'PUT', path, headers: { ...headers, 'content-length': String(BYTES) } },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      },
    )
    call.on('error', reject)
    let left = BYTES
    const write = (): void => {
      while (left > 0) {
        left -= block.length
        if (!call.write(block)) {
          call.once('drain', write)
          return
        }
      }
      call.end()
    }
    write()
  })
}

/** Reads in pauses: the manager must not read ahead what the client does not take. */
function countBytes(path: string): Promise<number> {
  const headers = s3.sign('GET', path, {})
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: s3.port, path, headers }, (response) => {
      let bytes = 0
      let paused = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes / 20_000_000 < paused) return
        paused++
        response.pause()
        // A client that is slower than the disk.
        setTimeout(() => response.resume(), 50)
      })
      response.on('end', () => resolve(bytes))
      response.on('error', reject)
    })
    call.on('error', reject)
    call.end()
  })
}
