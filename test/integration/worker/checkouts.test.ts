/** Checkouts that a worker fetches from its manager, over HTTP. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HttpClient } from '../../../src/main/worker/link/http.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { AgentApi } from '../../../src/main/worker/adapters/native/agentApi.ts'
import { CheckoutCopies } from '../../../src/main/worker/adapters/native/checkouts.ts'
import { parseFrameRange } from '../../../src/shared/frames/frameRange.ts'
import { deferred } from '../../../src/shared/async.ts'
import { tempFolder } from '../../support/commandContext.ts'

const CONTENT = 'a scene'
const file = { path: 'shots/one.txt', sha: createHash('sha256').update(CONTENT).digest('hex'), size: CONTENT.length }
const commands = [{ name: 'exec', parameters: { exe: 'cat', args: ['/farm/jobs/one/shots/one.txt'] }, totalStepCount: 0 }]
const checkout = { id: 'one', root: '/farm/jobs/one' }

describe('two attempts that want the same checkout', () => {
  let server: Server
  let http: HttpClient
  let copies: CheckoutCopies
  /** The file is sent when this resolves. */
  let gate: Promise<void>
  let asked: number
  let listed: object[]

  beforeEach(async () => {
    gate = Promise.resolve()
    asked = 0
    listed = [file]
    server = createServer((request, response) => {
      if (request.url?.includes('/checkout?')) {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ files: listed }))
        return
      }
      asked++
      void gate.then(() => response.end(CONTENT))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    // A listening TCP server's address is an object.
    const { port } = server.address() as AddressInfo
    http = new HttpClient({ url: new URL(`http://127.0.0.1:${port}/`), userAgent: 'test' })
    copies = new CheckoutCopies(join(await tempFolder(), 'checkouts'), new AgentApi(http), silentLogger)
  })
  afterEach(async () => {
    await http.close()
    server.close()
  })

  const localised = async (signal: AbortSignal) => {
    const [command] = await copies.localise(commands, checkout, signal)
    const [path] = command?.parameters['args'] as [string]
    return readFile(path, 'utf8')
  }

  it('fetch it once', async () => {
    const { signal } = new AbortController()
    expect(await Promise.all([localised(signal), localised(signal)])).toEqual([CONTENT, CONTENT])
    expect(asked).toBe(1)
  })

  it('fetch of the files that only some frames need those of their frames', async () => {
    listed = [
      file,
      { ...file, path: 'seq/1', frames: [1] },
      { ...file, path: 'seq/2', frames: [2, 3] },
      { ...file, path: 'seq/4', frames: [4] },
    ]
    const { signal } = new AbortController()
    const seen = async (frames: string | undefined) => {
      const [command] = await copies.localise(commands, checkout, signal, frames === undefined ? undefined : parseFrameRange(frames))
      const [path] = command?.parameters['args'] as [string]
      return (await readdir(join(path, '..', '..', 'seq')).catch(() => [])).toSorted()
    }
    expect(await seen('5')).toEqual([])
    expect(await seen('3')).toEqual(['2'])
    expect(await seen('1-2')).toEqual(['1', '2'])
    expect(await seen(undefined)).toEqual(['1', '2', '4'])
  })

  it('do not depend on each other: one goes on when the one that fetches is stopped', async () => {
    const opened = deferred<void>()
    gate = opened.promise
    const stopped = new AbortController()
    const first = localised(stopped.signal)
    const second = localised(new AbortController().signal)
    await expect.poll(() => asked, { timeout: 20_000 }).toBe(1)
    stopped.abort(new Error('stopped'))
    await expect(first).rejects.toThrow()
    opened.resolve()
    expect(await second).toBe(CONTENT)
  })
})
