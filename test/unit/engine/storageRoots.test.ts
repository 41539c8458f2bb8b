import { describe, expect, it } from 'vitest'
import { unseenRoot, unseenText, type RootProof } from '../../../src/main/engine/rules/storageRoots.ts'

const MARKED = new Map([
  ['projects', '/mnt/projects'],
  ['renders', '/mnt/renders'],
])
const seen: RootProof = { seen: true }
const other: RootProof = { seen: false, path: 'P:\\projects', problem: 'other' }

describe('a worker may have a job whose storage', () => {
  it.each<[string, string[], Record<string, RootProof> | undefined]>([
    ['is none', [], undefined],
    ['it has proven', ['projects'], { projects: seen, renders: other }],
    ['it has proven, all of it', ['projects', 'renders'], { projects: seen, renders: seen }],
    ['the manager could not mark: no worker can prove it', ['archive'], {}],
  ])('%s', (_, needed, proofs) => {
    expect(unseenRoot(needed, MARKED, proofs && new Map(Object.entries(proofs)))).toBeUndefined()
  })
})

describe('a worker may not have a job whose storage', () => {
  it.each<[string, string[], Record<string, RootProof> | undefined, string]>([
    ['it was not asked for yet', ['projects'], undefined, '/mnt/projects: not checked yet'],
    ['is newer than its answer', ['renders'], { projects: seen }, '/mnt/renders: not checked yet'],
    ['is another folder there', ['projects'], { projects: other }, 'P:\\projects: there is another folder at this path'],
    ['it sees in part', ['renders', 'projects'], { projects: other, renders: seen }, 'P:\\projects: there is another folder at this path'],
    [
      'has no path on its system',
      ['projects'],
      { projects: { seen: false, path: '{projects}', problem: 'no-path' } },
      '{projects}: no path for its system is set',
    ],
    ['gives an error', ['projects'], { projects: { seen: false, path: '/p', problem: 'EIO' } }, '/p: EIO'],
  ])('%s', (_, needed, proofs, text) => {
    const unseen = unseenRoot(needed, MARKED, proofs && new Map(Object.entries(proofs)))
    expect(unseen && unseenText(unseen)).toBe(text)
  })
})
