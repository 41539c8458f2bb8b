import { describe, expect, it } from 'vitest'
import type { Inputs, KnownFile } from '../../../../src/shared/schemas/jobs/existing.ts'
import { changeOfInputs, decideExisting, type ExistingFacts } from '../../../../src/main/worker/attempt/existing/decide.ts'

const INPUTS: Inputs = { command: 'c1', program: 'Blender 3.4', files: [{ path: '/a.blend', bytes: 5, modifiedAt: 7 }] }
const KNOWN: KnownFile = {
  ...{ path: '/f_0001.png', frame: 1, view: '', bytes: 100, modifiedAt: 5_000, sha256: 'abc', width: 64, height: 48 },
  inputs: INPUTS,
  rejected: false,
}
const found = { bytes: 100, modifiedAt: 5_000 }

function decide(facts: Partial<ExistingFacts>, known: Partial<KnownFile> = {}) {
  const existing = { mode: 'keep-proven' as const, known: [{ ...KNOWN, ...known }] }
  return decideExisting({ existing, path: '/f_0001.png', found, inputs: INPUTS, ...facts })
}
const action = (...args: Parameters<typeof decide>) => decide(...args).action

describe('what becomes of a file that is there', () => {
  it.each(['replace', 'keep-whole'] as const)('is rendered when there is none (%s)', (mode) => {
    expect(action({ existing: { mode }, found: undefined })).toBe('render')
  })

  it('is set aside at the first run and after a requeue by a person, however good it is', () => {
    expect(decide({ existing: { mode: 'replace' }, look: { state: 'whole' } })).toMatchObject({ action: 'set-aside', damaged: false })
  })

  it('is hashed before a retry keeps it, and kept when all agrees', () => {
    expect(decide({})).toEqual({ action: 'examine', hash: true, look: false })
    expect(decide({ sha256: 'abc' })).toMatchObject({ action: 'keep' })
  })

  it.each([
    ['another path', { path: '/f_0002.png' }, {}, 'no earlier run of the task reported it'],
    ['a check rejected it', {}, { rejected: true }, 'a check rejected it'],
    ['another size', { found: { bytes: 99, modifiedAt: 5_000 } }, {}, 'its size differs from the recorded one'],
    ['another time', { found: { bytes: 100, modifiedAt: 9_000 } }, {}, 'it has changed since it was recorded'],
    ['no recorded time', {}, { modifiedAt: null }, 'it has changed since it was recorded'],
    ['no recorded hash', {}, { sha256: null }, 'its hash was not recorded'],
    ['unknown inputs', {}, { inputs: null }, 'its inputs are unknown'],
    ['another hash', { sha256: 'abd' }, {}, 'its content differs from the recorded one'],
  ])('a retry sets it aside: %s', (_, facts, known, reason) => {
    expect(decide(facts, known)).toMatchObject({ action: 'set-aside', reason })
  })

  it.each([
    [{ state: 'whole' } as const, 'keep', undefined],
    [{ state: 'damaged', reason: 'ends after 4 bytes' } as const, 'set-aside', true],
    [{ state: 'unchecked', reason: 'no decoder' } as const, 'set-aside', false],
  ])('"keep whole frames" asks only whether it decodes: %j', (look, wanted, damaged) => {
    const decision = decide({ existing: { mode: 'keep-whole' }, look })
    expect(decision.action).toBe(wanted)
    if (decision.action === 'set-aside') expect(decision.damaged).toBe(damaged)
  })

  it('"keep whole frames" looks before it decides, but an empty file is damaged without a look', () => {
    expect(decide({ existing: { mode: 'keep-whole' } })).toEqual({ action: 'examine', hash: false, look: true })
    const empty = { bytes: 0, modifiedAt: 1 }
    expect(decide({ existing: { mode: 'keep-whole' }, found: empty })).toMatchObject({ action: 'set-aside', damaged: true })
  })
})

describe('whether files were made from the same', () => {
  it.each<[string, Inputs | null, string | undefined]>([
    ['the same', INPUTS, undefined],
    ['nothing known', null, 'its inputs are unknown'],
    ['no command', { ...INPUTS, command: undefined }, 'its command is unknown'],
    ['another command', { ...INPUTS, command: 'c2' }, 'the command has changed'],
    ['another version', { ...INPUTS, program: 'Blender 4.2' }, 'it was made by Blender 4.2'],
    ['unknown files', { command: 'c1', program: 'Blender 3.4' }, 'its input files are unknown'],
    ['a changed file', { ...INPUTS, files: [{ path: '/a.blend', bytes: 6, modifiedAt: 7 }] }, '"/a.blend" was changed since'],
    ['another file', { ...INPUTS, files: [{ path: '/b.blend', bytes: 5, modifiedAt: 7 }] }, 'it was made from "/b.blend"'],
    ['fewer files', { ...INPUTS, files: [] }, 'it was made from other files'],
  ])('%s', (_, before, change) => expect(changeOfInputs(before, INPUTS)).toBe(change))
})
