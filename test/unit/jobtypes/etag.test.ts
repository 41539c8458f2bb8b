import { describe, expect, it } from 'vitest'
import { jobTypeEtag } from '../../../src/main/jobtypes/scripts/etag.ts'
import { JobTypeError, jobTypeName, readJobType } from '../../../src/main/jobtypes/scripts/jobTypeInfo.ts'

describe('etag', () => {
  it('is that of the reference', () => {
    const type = readJobType('echo-sleep-test', {
      label: 'Echo Sleep Test',
      settings: [
        { key: 'message', type: 'string', required: true },
        { key: 'sleep_duration_seconds', type: 'int32', default: 1 },
        { key: 'sleep_repeats', type: 'int32', default: 1 },
      ],
    })
    expect(type.etag).toBe('eba586e16d6b55baaa43e32f9e78ae514b457fee')
  })

  it('does not depend on the order of keys, and does on every value', () => {
    const one = jobTypeEtag({ name: 'a', label: 'l', settings: [{ key: 'k', type: 'string', propargs: { min: 1, max: 2 } }] })
    const same = jobTypeEtag({ settings: [{ propargs: { max: 2, min: 1 }, type: 'string', key: 'k' }], label: 'l', name: 'a' })
    const other = jobTypeEtag({ name: 'a', label: 'l', settings: [{ key: 'k', type: 'string', propargs: { min: 1, max: 3 } }] })
    expect(same).toBe(one)
    expect(other).not.toBe(one)
  })

  it('escapes what the reference escapes', () => {
    // sha1 of {"etag":"","label":"\u003cb\u003e \u0026 \u2028","name":"n","settings":[]} with these six-character escapes.
    expect(jobTypeEtag({ name: 'n', label: '<b> & \u2028', settings: [] })).toBe('74a50d8658357b0193b4e653e411395ea58119d0')
  })
})

describe('job type', () => {
  it.each([
    ['simple_blender_render.js', 'simple-blender-render'],
    ['echo-sleep-test.js', 'echo-sleep-test'],
    ['a.b.js', 'a.b'],
  ])('%s is named %s', (file, name) => {
    expect(jobTypeName(file)).toBe(name)
  })

  it('keeps what clients know and leaves out the rest', () => {
    const { settings, label, description } = readJobType('x', {
      label: 'X',
      secret: 1,
      description: null,
      settings: [{ key: 'a', type: 'float', own: 1, default: null, evalInfo: { description: 'd' }, visible: 'hidden' }],
    })
    expect({ settings, label, description }).toEqual({
      label: 'X',
      description: undefined,
      settings: [{ key: 'a', type: 'float', visible: 'hidden', evalInfo: { showLinkButton: false, description: 'd' } }],
    })
  })

  it('needs no settings', () => {
    expect(readJobType('x', { label: 'X' }).settings).toEqual([])
  })

  it.each<[string, unknown, string]>([
    ['a list', [], 'JOB_TYPE must be an object'],
    ['no label', {}, 'JOB_TYPE.label must be a text'],
    ['settings that are no list', { label: 'l', settings: {} }, 'JOB_TYPE.settings must be a list'],
    ['a setting that is no object', { label: 'l', settings: [1] }, 'JOB_TYPE.settings[0] must be an object'],
    ['a setting without key', { label: 'l', settings: [{ type: 'string' }] }, 'JOB_TYPE.settings[0].key must be a text'],
    ['a setting without type', { label: 'l', settings: [{ key: 'a' }] }, 'setting "a": type is missing'],
    [
      'an unknown type',
      { label: 'l', settings: [{ key: 'a', type: 'int' }] },
      'setting "a": type must be one of string, int32, float, bool',
    ],
    [
      'an unknown visibility',
      { label: 'l', settings: [{ key: 'a', type: 'bool', visible: 'never' }] },
      'setting "a": visible must be one of visible, hidden',
    ],
    [
      'choices of a number',
      { label: 'l', settings: [{ key: 'a', type: 'int32', choices: ['1'] }] },
      'setting "a": choices are for type "string" only',
    ],
    [
      'a key twice',
      {
        label: 'l',
        settings: [
          { key: 'a', type: 'bool' },
          { key: 'a', type: 'bool' },
        ],
      },
      'JOB_TYPE.settings has "a" twice',
    ],
  ])('%s is refused', (_name, raw, message) => {
    expect(() => readJobType('x', raw)).toThrow(JobTypeError)
    expect(() => readJobType('x', raw)).toThrow(message)
  })
})
