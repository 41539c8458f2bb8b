/** When an executor counts as silent, and what it looks like then. */
import { expect, it } from 'vitest'
import { silentSince } from '../../../src/main/dialects/colonies/native/executors.ts'
import { executorLook } from '../../../src/renderer/features/colonies/colonyLooks.ts'

const MINUTE = 60_000

it.each([
  ['holds a process and called a minute ago', { status: 1, held: 1, heardAt: 1_000 }, 1_000],
  ['called just now', { status: 1, held: 1, heardAt: 1_001 }, null],
  ['holds nothing', { status: 1, held: 0, heardAt: 1_000 }, null],
  ['never called', { status: 1, held: 1, heardAt: null }, null],
  ['was rejected', { status: 2, held: 1, heardAt: 1_000 }, null],
  ['was removed', { status: 3, held: 1, heardAt: 1_000 }, null],
] as const)('one that %s', (_what, executor, since) => expect(silentSince(executor, 1_000 + MINUTE)).toBe(since))

it.each([
  ['pending', null, 0, 'state.pending'],
  ['approved', null, 0, 'colonies.executorState.ready'],
  ['approved', null, 2, 'state.running'],
  ['approved', '2026-01-01T00:00:00Z', 2, 'colonies.executorState.silent'],
  ['rejected', null, 2, 'colonies.executorState.rejected'],
  ['unregistered', null, 0, 'colonies.executorState.unregistered'],
] as const)('%s, silent since %s, with %i processes: %s', (state, since, held, word) =>
  expect(executorLook({ state, silentSince: since, held }).word).toBe(word),
)
