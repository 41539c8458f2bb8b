/** The circuit breaker of an engine, with a real one behind it. */
import { expect, it } from 'vitest'
import { Engines } from '../../../src/main/docker/engines.ts'
import { containerConfig } from '../../support/containers.ts'
import { requirePart } from '../../support/parts.ts'

const log = { info: () => undefined, warn: () => undefined }
const never = new AbortController().signal

requirePart('docker').describe('after too many failures of the connection', () => {
  it('one container tries it, and the others follow as soon as the engine has taken it, not when it ends', async () => {
    let now = 0
    const engines = new Engines(containerConfig({ circuit: { maxFails: 1, resetSeconds: 60 } }), { log, owner: 'test', now: () => now })
    await engines.look()
    const failing = await engines.acquire('job', [], undefined, never)
    failing.release(true)
    now = 61_000
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
    ;(await next).release(false)
    trial.release(false)
  })
})
