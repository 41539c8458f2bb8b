/** The circuit breaker of an engine. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { Engines } from '../../../src/main/docker/engines/engines.ts'
import { EngineUnreachableError } from '../../../src/main/docker/errors.ts'
import { specOf } from '../../../src/main/worker/commands/container/containerPlan.ts'
import { warmContainer } from '../../../src/main/worker/commands/container/warmContainer.ts'
import { recordedContext } from '../../support/commandContext.ts'
import { containerConfig } from '../../support/containers.ts'
import { requirePart } from '../../support/parts.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

const log = silentLogger
const never = new AbortController().signal

requirePart('docker').describe('after too many failures of the connection', () => {
  it('one container tries it, and the others follow as soon as the engine has taken it, not when it ends', async () => {
    let now = 0
    const engines = new Engines(containerConfig({ circuit: { maxFails: 1, resetSeconds: 60 } }), { log, owner: 'test', now: () => now })
    await engines.look()
    const state = async () => (await engines.describe()).engines[0]?.circuit
    expect(await state()).toBe('closed')
    const failing = await engines.acquire('job', [], undefined, never)
    failing.release(true)
    expect(await state()).toBe('open')
    now = 61_000
    expect(await state()).toBe('half-open')
    const trial = await engines.acquire('job', [], undefined, never)
    let follows = false
    const next = engines.acquire('job', [], undefined, never).then((lent) => {
      follows = true
      return lent
    })
    // Longer than it takes to look again.
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(follows).toBe(false)
    trial.answered()
    expect(await state()).toBe('closed')
    ;(await next).release(false)
    trial.release(false)
  })
})

/** It answers pings, and drops the connection at anything else. */
async function brokenEngine(): Promise<{ host: string; close(): void }> {
  const server = createServer((request, response) => {
    if (request.url?.includes('_ping')) response.end('OK')
    else request.socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A listening TCP server's address is an object.
  const { port } = server.address() as AddressInfo
  return { host: `tcp://127.0.0.1:${port}`, close: () => void server.close() }
}

it('an engine that drops the connection counts as failing for containers that are kept, too', async () => {
  const broken = await brokenEngine()
  try {
    const config = containerConfig({ engines: [{ name: 'broken', host: broken.host }], circuit: { maxFails: 1, resetSeconds: 60 } })
    const engines = new Engines(config, { log, owner: 'test', now: () => 0 })
    await engines.look()
    const context = await recordedContext()
    const parameters = { image: 'busybox' }
    const run = { args: [], variables: [], frame: undefined, outputs: [], steps: 0 }
    const spec = () => specOf({ parameters, mounts: [], owner: 'test' }, run, 0, undefined, context)
    await expect(warmContainer(engines, parameters, spec).open(context, '')).rejects.toThrow(EngineUnreachableError)
    const giveUp = new AbortController()
    const next = engines.acquire('job', [], undefined, giveUp.signal)
    giveUp.abort(new Error('it is not lent'))
    await expect(next).rejects.toThrow('it is not lent')
  } finally {
    broken.close()
  }
})
