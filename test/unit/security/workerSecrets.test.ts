import { describe, expect, it } from 'vitest'
import { hashSecret } from '../../../src/main/security/tokens/secrets.ts'
import { parseBasic, WorkerSecrets } from '../../../src/main/security/tokens/workerSecrets.ts'
import { workerState } from '../../support/testServer.ts'

const id = 'aaaaaaaa-1111-4111-8111-111111111111'
const secret = 'a secret that a program made'
const header = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

async function make() {
  const worker = workerState({ publicId: id, secretHash: await hashSecret(secret) })
  const state = { worker, time: 0 }
  return {
    state,
    secrets: new WorkerSecrets(
      (name) => (name === id ? state.worker : undefined),
      () => state.time,
    ),
  }
}

describe("workers' secrets", () => {
  it('the slow check runs once: after it, the answer is there at once', async () => {
    const { secrets, state } = await make()
    const first = secrets.check(header(id, secret))
    expect(first).toBeInstanceOf(Promise)
    expect(await first).toBe(state.worker)
    expect(secrets.check(header(id, secret))).toBe(state.worker)
    expect(secrets.check(header(id.toUpperCase(), secret))).toBeInstanceOf(Promise)
  })

  it('the same header at the same time is checked once', async () => {
    const { secrets } = await make()
    expect(secrets.check(header(id, secret))).toBe(secrets.check(header(id, secret)))
  })

  it('a wrong one is refused at once for a while, then checked again', async () => {
    const { secrets, state } = await make()
    expect(await secrets.check(header(id, 'wrong'))).toBeNull()
    expect(secrets.check(header(id, 'wrong'))).toBeNull()
    state.time += 10_000
    expect(secrets.check(header(id, 'wrong'))).toBeInstanceOf(Promise)
  })

  it('counts no longer when the worker is deleted or has another secret', async () => {
    const { secrets, state } = await make()
    await secrets.check(header(id, secret))
    state.worker = { ...state.worker, deletedAt: 1 }
    expect(secrets.check(header(id, secret))).toBeNull()
    state.worker = { ...state.worker, deletedAt: null }
    await secrets.check(header(id, secret))
    state.worker = { ...state.worker, secretHash: await hashSecret('another') }
    expect(secrets.check(header(id, secret))).toBeNull()
  })

  it('a flood of unknown headers is refused instead of queued without end', async () => {
    const { secrets } = await make()
    const checks: unknown[] = []
    const flood = () => {
      for (let i = 0; i < 10_000; i++) checks.push(secrets.check(header(id, `guess ${i}`)))
    }
    expect(flood).toThrow('too many')
    expect(checks.length).toBeGreaterThan(1_000)
  })

  it.each([undefined, '', 'Basic', 'Basic !', 'Bearer abc', `Basic ${Buffer.from('no colon').toString('base64')}`, 'x'.repeat(3_000)])(
    '%s is no worker',
    async (text) => {
      const { secrets } = await make()
      expect(await secrets.check(text)).toBeNull()
    },
  )
})

it.each([
  [header('Name', 'a:b'), { name: 'name', password: 'a:b' }],
  [header('', ''), undefined],
  [header('x', ''), { name: 'x', password: '' }],
])('%s reads as %j', (text, expected) => {
  expect(parseBasic(text)).toEqual(expected)
})
