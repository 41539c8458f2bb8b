import { describe, expect, it } from 'vitest'
import { clashing, sharers, type ClaimHolder } from '../../../src/main/engine/rules/outputClaims.ts'

const holder = (changes: Partial<ClaimHolder>): ClaimHolder => ({
  jobId: 'a',
  name: 'A',
  status: 'active',
  files: 'f_####',
  frames: '1-10',
  ...changes,
})

describe('jobs that have one folder', () => {
  it.each<[string, Partial<ClaimHolder>, string, string | null, boolean, boolean]>([
    ['the same frames of an unfinished job', {}, 'f_####', '5-20', true, true],
    ['other frames', {}, 'f_####', '11-20', true, false],
    ['every second frame beside the others', { frames: '1-9x2' }, 'f_####', '2-10x2', true, false],
    ['the same frames of a finished job', { status: 'completed' }, 'f_####', '1-10', true, false],
    ['files of other names', { files: 'g_####' }, 'f_####', '1-10', true, false],
    ['a folder with unknown files', { files: '' }, 'f_####', '1-10', true, true],
    ['unknown frames', { frames: null }, 'f_####', '1-10', true, true],
    ['a paused job', { status: 'paused' }, 'f_####', null, true, true],
    ['two files of one name each', { files: 'a.mp4', frames: null }, 'b.mp4', null, false, false],
    ['the same file', { files: 'a.mp4', frames: null }, 'a.mp4', null, true, true],
    ['a video beside the frames', { files: 'f_####' }, 'a.mp4', null, false, false],
  ])('%s', (_, other, files, frames, shares, clashes) => {
    const others = [holder(other)]
    expect(sharers({ files }, others)).toHaveLength(shares ? 1 : 0)
    expect(clashing({ files, frames }, others)).toHaveLength(clashes ? 1 : 0)
  })
})
