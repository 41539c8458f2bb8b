import { describe, expect, test } from 'vitest'
import {
  createExpander,
  createTextExpander,
  valuesToVariables,
  variablesFor,
  type VariableHost,
  type VariableSettings,
} from '../../../src/main/engine/compile/variables.ts'
import type { Variables } from '../../../src/shared/schemas/settings.ts'

const onLinux: VariableHost = { platform: 'linux', storagePath: '/mnt/shared/flamenco' }
const onWindows: VariableHost = { platform: 'windows', storagePath: 'S:\\flamenco' }

const variables: Variables = {
  blender: {
    isTwoWay: false,
    values: [
      { platforms: ['linux', 'darwin'], value: '/opt/blender' },
      { platforms: ['windows'], value: 'C:\\Program Files\\blender.exe' },
    ],
  },
  blenderArgs: {
    isTwoWay: false,
    values: [
      { platforms: ['all'], value: '-b -y' },
      { platforms: ['darwin'], value: '-b' },
    ],
  },
  shared: {
    isTwoWay: true,
    values: [
      { platforms: ['linux'], value: '/mnt/shared/' },
      { platforms: ['windows'], value: 'S:\\' },
      { platforms: ['darwin'], value: '/Volumes/Shared' },
    ],
  },
  project: {
    isTwoWay: true,
    values: [
      { platforms: ['linux'], value: '/mnt/shared/project' },
      { platforms: ['windows'], value: 'P:' },
    ],
  },
  desk: { isTwoWay: false, values: [{ audience: 'users', platforms: ['all'], value: 'for users' }] },
}
const settings: VariableSettings = { variables, shamanEnabled: true }

function only(changed: Variables): VariableSettings {
  return { variables: changed, shamanEnabled: false }
}
function share(values: Record<string, string>): VariableSettings {
  return only({ share: { isTwoWay: true, values: Object.entries(values).map(([platform, value]) => ({ platforms: [platform], value })) } })
}

describe('variables in effect', () => {
  test('a platform by name wins over all, an unknown platform gets all', () => {
    expect(variablesFor(settings, 'workers', 'darwin', onLinux).get('blenderArgs')?.value).toBe('-b')
    expect(variablesFor(settings, 'workers', 'plan9', onLinux).get('blenderArgs')?.value).toBe('-b -y')
    expect(variablesFor(settings, 'workers', 'plan9', onLinux).has('blender')).toBe(false)
  })

  test('an audience sees its own values and those for all', () => {
    expect(variablesFor(settings, 'workers', 'linux', onLinux).has('desk')).toBe(false)
    expect(variablesFor(settings, 'users', 'linux', onLinux).get('desk')).toEqual({ value: 'for users', isTwoWay: false })
    expect(variablesFor(settings, 'users', 'linux', onLinux).get('blender')?.value).toBe('/opt/blender')
  })

  test('two-way values lose separators at their end', () => {
    expect(variablesFor(settings, 'workers', 'linux', onLinux).get('shared')?.value).toBe('/mnt/shared')
    expect(variablesFor(settings, 'workers', 'windows', onLinux).get('shared')?.value).toBe('S:')
    expect(variablesFor(share({ linux: '/' }), 'workers', 'linux', onLinux).get('share')?.value).toBe('/')
  })

  test('jobs is the storage, its jobs folder with Shaman, and hides a configured one', () => {
    expect(variablesFor(settings, 'workers', 'windows', onLinux).get('jobs')).toEqual({
      value: '/mnt/shared/flamenco/jobs',
      isTwoWay: false,
    })
    expect(variablesFor(settings, 'users', 'linux', onWindows).get('jobs')?.value).toBe('S:\\flamenco\\jobs')
    const own = only({ jobs: { isTwoWay: true, values: [{ platforms: ['all'], value: '/mine' }] } })
    expect(variablesFor(own, 'workers', 'linux', onLinux).get('jobs')).toEqual({ value: '/mnt/shared/flamenco', isTwoWay: false })
  })
})

describe('values to variables, on submission', () => {
  test.each([
    ['a path below', 'linux', '/mnt/shared/scene.blend', '{shared}/scene.blend'],
    ['the longest value wins', 'linux', '/mnt/shared/project/a.blend', '{project}/a.blend'],
    ['other case', 'linux', '/MNT/Shared/Scène.blend', '{shared}/Scène.blend'],
    ['mixed slashes', 'windows', 's:\\dir/file.blend', '{shared}\\dir/file.blend'],
    ['the root alone', 'linux', '/mnt/shared', '{shared}'],
    ['by text, not by component', 'linux', '/mnt/sharedother/x', '{shared}other/x'],
    ['only prefixes', 'linux', '--output=/mnt/shared/x', '--output=/mnt/shared/x'],
    ['another platform’s value', 'linux', 'S:\\x', 'S:\\x'],
    ['one-way values stay', 'linux', '/opt/blender', '/opt/blender'],
    ['the manager as submitter', 'manager', '/mnt/shared/x', '{shared}/x'],
    ['an unknown platform', 'plan9', '/mnt/shared/x', '/mnt/shared/x'],
  ])('%s', (_, platform, value, expected) => {
    expect(valuesToVariables({ path: value }, settings, platform, onLinux)).toEqual({ path: expected })
  })

  test('an unknown platform uses the value for all', () => {
    expect(valuesToVariables({ path: '/projects/x' }, share({ all: '/projects/' }), 'plan9', onLinux)).toEqual({ path: '{share}/x' })
  })

  test('only strings at the top level change, keys never', () => {
    const values = { '/mnt/shared/key': 1, list: ['/mnt/shared/x'], deep: { path: '/mnt/shared/x' }, on: true }
    expect(valuesToVariables(values, settings, 'linux', onLinux)).toBe(values)
  })

  test('an empty two-way value matches nothing', () => {
    expect(valuesToVariables({ path: 'anything' }, share({ linux: '' }), 'linux', onLinux)).toEqual({ path: 'anything' })
  })

  test('letters that grow when lower-cased do not shift the rest', () => {
    expect(valuesToVariables({ path: '/İ/x' }, share({ linux: '/İ' }), 'linux', onLinux)).toEqual({ path: '{share}/x' })
  })
})

describe('variables to values, on hand-out', () => {
  test.each([
    ['one-way', 'linux', '{blender}', '/opt/blender'],
    ['one-way text is not a path', 'windows', '{blenderArgs} a/b', '-b -y a/b'],
    ['unknown names stay', 'linux', '{nobody}/x', '{nobody}/x'],
    ['a platform without a value', 'plan9', '{blender}', '{blender}'],
    ['another audience’s variable', 'linux', '{desk}', '{desk}'],
    ['two-way', 'darwin', '{shared}/dir/file', '/Volumes/Shared/dir/file'],
    ['two-way for Windows turns all separators', 'windows', '{shared}/dir\\sub//file/', 'S:\\dir\\sub\\file'],
    ['two-way in the middle', 'darwin', 'in:{shared}\\x', 'in:/Volumes/Shared/x'],
    ['a drive alone', 'windows', '{shared}', 'S:\\'],
    ['a drive without separator', 'windows', '{project}file.blend', 'P:\\file.blend'],
    ['the manager’s own path is moved', 'darwin', '/mnt/shared/dir/file', '/Volumes/Shared/dir/file'],
    ['the longest of the manager’s paths', 'windows', '/mnt/shared/project/x', 'P:\\x'],
    ['where the longest has no value for the platform', 'darwin', '/mnt/shared/project/x', '/Volumes/Shared/project/x'],
    ['case of the manager’s path matters', 'darwin', '/MNT/shared/x', '/MNT/shared/x'],
    ['jobs lies in the shared storage', 'windows', '{jobs}/my job/scene.blend', 'S:\\flamenco\\jobs\\my job\\scene.blend'],
    ['jobs on the manager’s own platform', 'linux', '{jobs}/x', '/mnt/shared/flamenco/jobs/x'],
    ['an ffmpeg expression is not touched', 'windows', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', 'pad=ceil(iw/2)*2:ceil(ih/2)*2'],
    ['Python braces are not touched', 'windows', "print(f'{x}'); d = {'a/b': 1}", "print(f'{x}'); d = {'a/b': 1}"],
  ])('%s', (_, platform, text, expected) => {
    expect(createTextExpander(settings, 'workers', platform, onLinux)(text)).toBe(expected)
  })

  test.each([
    ['slashes of a Windows manager’s path do not matter', 'S:/dir/file', 'linux', '/mnt/shared/dir/file'],
    ['backslashes', 'S:\\dir\\file', 'linux', '/mnt/shared/dir/file'],
    ['jobs from Windows', '{jobs}\\x', 'darwin', '/Volumes/Shared/flamenco/jobs/x'],
  ])('%s', (_, text, platform, expected) => {
    expect(createTextExpander(settings, 'workers', platform, onWindows)(text)).toBe(expected)
  })

  test('UNC values keep their leading separators', () => {
    const expand = createTextExpander(share({ linux: '/mnt', windows: '\\\\SERVER\\share' }), 'workers', 'windows', onLinux)
    expect(expand('{share}/x')).toBe('\\\\SERVER\\share\\x')
    expect(expand('/mnt/x')).toBe('\\\\SERVER\\share\\x')
  })

  test('a root as value joins with one separator', () => {
    expect(createTextExpander(share({ linux: '/', windows: 'R:\\' }), 'workers', 'windows', onLinux)('/x/y')).toBe('R:\\x\\y')
    expect(createTextExpander(share({ linux: '/', darwin: '/Volumes/R' }), 'workers', 'darwin', onLinux)('/x')).toBe('/Volumes/R/x')
    expect(createTextExpander(share({ linux: '/mnt', darwin: '/' }), 'workers', 'darwin', onLinux)('/mnt/x')).toBe('/x')
  })

  test('a value is not looked up again after it was put in', () => {
    const swapped = only({
      a: {
        isTwoWay: true,
        values: [
          { platforms: ['linux'], value: '/one' },
          { platforms: ['darwin'], value: '/two' },
        ],
      },
      b: {
        isTwoWay: true,
        values: [
          { platforms: ['linux'], value: '/two' },
          { platforms: ['darwin'], value: '/three' },
        ],
      },
    })
    expect(createTextExpander(swapped, 'workers', 'darwin', onLinux)('{a}/x')).toBe('/two/x')
    const loop = only({ a: { isTwoWay: false, values: [{ platforms: ['all'], value: '{a}{b}' }] } })
    expect(createTextExpander(loop, 'workers', 'linux', onLinux)('{a}')).toBe('{a}{b}')
  })

  test('a one-way value may refer to a two-way variable', () => {
    const nested = only({
      out: { isTwoWay: false, values: [{ platforms: ['all'], value: '{share}/out' }] },
      share: { isTwoWay: true, values: [{ platforms: ['windows'], value: 'S:' }] },
    })
    expect(createTextExpander(nested, 'workers', 'windows', onLinux)('{out}/x')).toBe('S:\\out\\x')
  })
})

describe('commands', () => {
  const expand = createExpander(settings, 'workers', 'darwin', onLinux)

  test('strings and strings in arrays are expanded, nothing else', () => {
    const commands = [
      { name: 'echo', parameters: { message: 'plain' }, totalStepCount: 0 },
      {
        name: 'blender-render',
        parameters: {
          exe: '{blender}',
          '{blender}': 'key',
          args: ['--scene', '{shared}/x', 4, ['{shared}'], { a: '{shared}' }],
          nested: { path: '{shared}' },
          fps: 24,
          on: null,
        },
        totalStepCount: 2,
      },
    ]
    const before = structuredClone(commands)
    const expanded = expand(commands)
    expect(expanded).toEqual([
      commands[0],
      {
        name: 'blender-render',
        parameters: {
          exe: '/opt/blender',
          '{blender}': 'key',
          args: ['--scene', '/Volumes/Shared/x', 4, ['{shared}'], { a: '{shared}' }],
          nested: { path: '{shared}' },
          fps: 24,
          on: null,
        },
        totalStepCount: 2,
      },
    ])
    expect(expanded[0]).toBe(commands[0])
    expect(commands).toEqual(before)
  })

  test('the same array comes back when nothing matches', () => {
    const commands = [{ name: 'sleep', parameters: { duration_in_seconds: 3, list: ['a'] }, totalStepCount: 0 }]
    expect(expand(commands)).toBe(commands)
  })
})
