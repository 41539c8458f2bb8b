/** What a worker tells of its machine: the real one that runs this test. */
import { cpus, totalmem } from 'node:os'
import Value from 'typebox/value'
import { expect, it } from 'vitest'
import { Load, MachineReport } from '../../../src/shared/schemas/worker.ts'
import { createLoadSampler } from '../../../src/main/worker/tools/machine/load.ts'
import { describeMachine } from '../../../src/main/worker/tools/machine/machine.ts'
import { tempFolder } from '../../support/commandContext.ts'

const ID = '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b'

it('describes itself in the form that the manager takes', async () => {
  const report = await describeMachine(ID, { programs: {} })
  expect(Value.Check(MachineReport, report)).toBe(true)
  expect(report).toMatchObject({ id: ID, memoryBytes: totalmem() })
  expect(report.cpuCount).toBeGreaterThan(0)
})

it('samples its load in the form that the manager takes, and sees when it works', async () => {
  const sampler = createLoadSampler({ folder: await tempFolder() })
  const before = cpus().length
  const end = Date.now() + 400
  let spun = 0
  while (Date.now() < end) spun += Math.sqrt(spun + 1)
  const load = await sampler.sample()
  expect(Value.Check(Load, load)).toBe(true)
  // One core was busy for all of the time, whatever the others did.
  expect(load.cpu).toBeGreaterThan(0.5 / before)
  expect(load.cpu).toBeLessThanOrEqual(1)
  expect(load.memoryUsed).toBeGreaterThan(0)
  expect(load.memoryUsed).toBeLessThan(load.memoryTotal ?? 0)
  expect(load.diskFree).toBeGreaterThan(0)
})

it('does not know the room on a disk that is not there', async () => {
  const load = await createLoadSampler({ folder: '/no/such/folder' }).sample()
  expect(load.diskFree).toBeNull()
})
