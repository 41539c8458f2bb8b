/** The one task that a worker holds: what it promised back it does not begin, in whichever order the answers come. */
import { expect, it } from 'vitest'
import type { Assignment } from '../../../src/shared/schemas/agent.ts'
import { NextTask } from '../../../src/main/worker/adapters/native/nextTask.ts'

const assignment = (taskId: string, attempt = 1): Assignment => ({
  taskId,
  attempt,
  jobId: 'job',
  jobName: 'job',
  jobType: 'test',
  taskName: 'task',
  kind: 'misc',
  commands: [],
  stepsTotal: 0,
  maxRunMs: 0,
  maxSilenceMs: 0,
})

it('is begun once', () => {
  const next = new NextTask()
  next.hold(assignment('a'))
  expect(next.fence).toEqual({ taskId: 'a', attempt: 1 })
  expect(next.take()?.taskId).toBe('a')
  expect(next.take()).toBeUndefined()
})

it('is given back until the manager knows of it', () => {
  const next = new NextTask()
  next.hold(assignment('a'))
  next.giveBack({ taskId: 'a', attempt: 1 })
  expect(next.take()).toBeUndefined()
  const told = next.returned()
  expect(told).toEqual([{ taskId: 'a', attempt: 1 }])
  next.acknowledge(told)
  expect(next.isSettled).toBe(true)
  next.hold(assignment('a'))
  expect(next.take()?.taskId).toBe('a')
})

it('is not begun when it comes later than the question for it', () => {
  const next = new NextTask()
  next.giveBack({ taskId: 'a', attempt: 1 })
  next.hold(assignment('a'))
  expect(next.take()).toBeUndefined()
  next.hold(assignment('a', 2))
  expect(next.take()?.attempt).toBe(2)
})

it('is forgotten with the connection', () => {
  const next = new NextTask()
  next.hold(assignment('a'))
  next.giveBack({ taskId: 'b', attempt: 1 })
  next.forget()
  expect([next.fence, next.isSettled]).toEqual([undefined, true])
})
