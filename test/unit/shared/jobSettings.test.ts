import { describe, expect, it } from 'vitest'
import { checkJobSettings, nearest } from '../../../src/shared/jobSettings.ts'
import type { JobSetting } from '../../../src/shared/schemas/jobs/jobType.ts'

const SETTINGS: JobSetting[] = [
  { key: 'frames', type: 'string', required: true },
  { key: 'chunk_size', type: 'int32', default: 1, propargs: { min: 1, max: 100 } },
  { key: 'fps', type: 'float', propargs: { min: 0.5 } },
  { key: 'format', type: 'string', choices: ['PNG', 'JPEG', 'OPEN_EXR'], default: 'PNG' },
  { key: 'previews', type: 'bool' },
  { key: 'note', type: 'string', propargs: { maxlen: 5 } },
]

describe('checkJobSettings', () => {
  it('fills in defaults and leaves out what has none', () => {
    expect(checkJobSettings(SETTINGS, { frames: '1-10' })).toEqual({
      values: { frames: '1-10', chunk_size: 1, format: 'PNG' },
      problems: [],
    })
  })

  it('takes null for not given', () => {
    expect(checkJobSettings(SETTINGS, { frames: '1', chunk_size: null, fps: null }).values).toEqual({
      frames: '1',
      chunk_size: 1,
      format: 'PNG',
    })
  })

  it.each<[string, unknown, string]>([
    ['frames', 7, 'must be a text, not 7'],
    ['frames', ' ', 'is required and must not be empty'],
    ['frames', undefined, 'is required'],
    ['frames', ['1'], 'must be a text, not a list'],
    ['chunk_size', '4', 'must be a whole number, not "4"'],
    ['chunk_size', 1.5, 'must be a whole number, not 1.5'],
    ['chunk_size', 0, 'must be at least 1, not 0'],
    ['chunk_size', 101, 'must be at most 100, not 101'],
    ['chunk_size', 3e9, 'must be between -2147483648 and 2147483647, not 3000000000'],
    ['chunk_size', true, 'must be a whole number, not true'],
    ['fps', 'fast', 'must be a number, not "fast"'],
    ['fps', Number.NaN, 'must be a number, not NaN'],
    ['fps', 0.4, 'must be at least 0.5, not 0.4'],
    ['format', 'png', 'must be one of "PNG", "JPEG", "OPEN_EXR", not "png" (did you mean "PNG"?)'],
    ['format', 'BMP', 'must be one of "PNG", "JPEG", "OPEN_EXR", not "BMP"'],
    ['previews', 1, 'must be true or false, not 1'],
    ['previews', {}, 'must be true or false, not an object'],
    ['note', 'too long', 'must have at most 5 characters, not 8'],
    ['chunksize', 4, 'is not a setting of this job type; did you mean "chunk_size"?'],
    ['frame', '1', 'is not a setting of this job type; did you mean "frames"?'],
    ['completely_else', 1, 'is not a setting of this job type; its settings are frames, chunk_size, fps, format, previews, note'],
  ])('%s = %j is reported', (key, value, message) => {
    expect(checkJobSettings(SETTINGS, { frames: '1', [key]: value }).problems).toEqual([{ key, message }])
  })

  it('tells all problems at once', () => {
    expect(checkJobSettings(SETTINGS, { chunk_size: 0, fsp: 24 }).problems.map(({ key }) => key)).toEqual(['chunk_size', 'fsp', 'frames'])
  })

  it('lenient: keeps unknown settings and takes empty texts, and still checks types', () => {
    expect(checkJobSettings(SETTINGS, { frames: '', extra: [1] }, { lenient: true })).toEqual({
      values: { frames: '', extra: [1], chunk_size: 1, format: 'PNG' },
      problems: [],
    })
    expect(checkJobSettings(SETTINGS, { frames: '1', fps: 'x' }, { lenient: true }).problems).toHaveLength(1)
  })

  it.each(['hidden', 'web'] as const)('lenient: %s settings are the client’s business', (visible) => {
    const settings: JobSetting[] = [{ key: 'scene', type: 'string', required: true, visible }]
    expect(checkJobSettings(settings, {}, { lenient: true })).toEqual({ values: {}, problems: [] })
    expect(checkJobSettings(settings, { scene: 7 }, { lenient: true })).toEqual({ values: { scene: 7 }, problems: [] })
    expect(checkJobSettings(settings, { scene: 7 }).problems).toHaveLength(1)
    expect(checkJobSettings(settings, {}).problems).toHaveLength(1)
  })

  it('a setting of any name is a plain value', () => {
    const given = JSON.parse('{"frames":"1","__proto__":{"polluted":true}}') as Record<string, unknown>
    const { values } = checkJobSettings(SETTINGS, given, { lenient: true })
    expect(Object.getPrototypeOf(values)).toBe(Object.prototype)
    expect(Object.keys(values)).toContain('__proto__')
  })
})

describe('nearest', () => {
  it.each([
    ['chunksize', 'chunk_size'],
    ['FORMAT', 'format'],
    ['zzz', undefined],
    ['', undefined],
  ])('%j → %j', (word, found) => {
    expect(nearest(word, ['chunk_size', 'format', 'frames'])).toBe(found)
  })
})
