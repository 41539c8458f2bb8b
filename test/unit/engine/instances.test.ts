import { beforeEach, describe, expect, it } from 'vitest'
import { ClonedError, Instances } from '../../../src/main/engine/workers/instances.ts'
import { deferred } from '../../../src/shared/async.ts'

const LEASE = 60_000
const ADA = 1

let time: number
let clones: number[]
/** What the program that has the identity does when it is asked for a sign of life. */
let answer: () => void
let doubt: ReturnType<typeof deferred<void>>
let instances: Instances
beforeEach(() => {
  time = 1_000_000
  clones = []
  answer = () => undefined
  doubt = deferred()
  instances = new Instances(
    () => time,
    () => LEASE,
    () => answer(),
    (workerId) => clones.push(workerId),
    () => doubt.promise,
  )
})
const silent = () => doubt.resolve()

describe('a second run with one identity', () => {
  it('is refused, for good, when the first one still speaks', async () => {
    await instances.signOn(ADA, 'first')
    answer = () => instances.recordCall(ADA, 'first')
    await expect(instances.signOn(ADA, 'copy')).rejects.toThrow(ClonedError)
    expect(() => instances.recordCall(ADA, 'copy')).toThrow(ClonedError)
    await expect(instances.signOn(ADA, 'copy')).rejects.toThrow(ClonedError)
    instances.recordCall(ADA, 'first')
    expect(clones).toEqual([ADA])
  })

  it('is a restart when the first one signed off', async () => {
    await instances.signOn(ADA, 'first')
    instances.signOff(ADA)
    await instances.signOn(ADA, 'second')
    instances.recordCall(ADA, 'second')
    expect(clones).toEqual([])
  })

  it('is a restart when the first one was killed a moment ago and says nothing more', async () => {
    await instances.signOn(ADA, 'first')
    const begun = instances.signOn(ADA, 'second')
    silent()
    await begun
    instances.recordCall(ADA, 'second')
    expect(clones).toEqual([])
  })

  it('is a restart, at once, when the first one was silent for a lease', async () => {
    await instances.signOn(ADA, 'first')
    time += LEASE
    await instances.signOn(ADA, 'second')
    expect(clones).toEqual([])
  })

  it('is refused later when the first one was only slow', async () => {
    await instances.signOn(ADA, 'first')
    const begun = instances.signOn(ADA, 'copy')
    silent()
    await begun
    time += 5_000
    instances.recordCall(ADA, 'first')
    expect(() => instances.recordCall(ADA, 'copy')).toThrow(ClonedError)
    expect(clones).toEqual([ADA])
  })

  it('has nothing to do with other workers', async () => {
    await instances.signOn(ADA, 'first')
    await instances.signOn(2, 'other')
    instances.recordCall(2, 'other')
    expect(clones).toEqual([])
  })
})

it('a run that never signed on is taken when no other one is known (the manager was restarted), else asked to', async () => {
  instances.recordCall(ADA, 'first')
  expect(() => instances.recordCall(ADA, 'stranger')).toThrow(/sign on first/)
})

it('a sign-on that is repeated is the same run', async () => {
  await instances.signOn(ADA, 'first')
  await instances.signOn(ADA, 'first')
  expect(clones).toEqual([])
})
