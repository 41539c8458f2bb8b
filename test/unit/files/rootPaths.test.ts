import { describe, expect, it } from 'vitest'
import { declaredRoots, rootPaths } from '../../../src/main/files/roots/rootPaths.ts'
import { declaredPaths } from '../../../src/main/jobtypes/submission/declaredPaths.ts'
import type { JobSetting } from '../../../src/shared/schemas/jobs/jobType.ts'
import type { Variables } from '../../../src/shared/schemas/settings.ts'

const variables: Variables = {
  projects: {
    isTwoWay: true,
    values: [
      { platforms: ['linux'], value: '/mnt/projects' },
      { platforms: ['windows'], value: '\\\\nas\\projects' },
      { platforms: ['darwin'], value: '/Volumes/projects' },
    ],
  },
  film: { isTwoWay: true, values: [{ platforms: ['linux'], value: '/mnt/projects/film' }] },
  blender: { isTwoWay: false, values: [{ platforms: ['all'], value: '/opt/blender' }] },
}
const settings = { variables, shamanEnabled: true, sharedStoragePath: '/mnt/projects/farm' }
const host = { platform: 'linux', storagePath: '/mnt/projects/farm' }

describe('the storage roots of a farm', () => {
  it.each<[string, Record<string, string>]>([
    ['linux', { 'shared storage': '/mnt/projects/farm', projects: '/mnt/projects', film: '/mnt/projects/film' }],
    // The share by its server's name; a root without a path there is none.
    ['windows', { 'shared storage': '\\\\nas\\projects\\farm', projects: '\\\\nas\\projects' }],
    ['darwin', { 'shared storage': '/Volumes/projects/farm', projects: '/Volumes/projects' }],
  ])('have their paths on %s', (platform, expected) => {
    expect(Object.fromEntries(rootPaths(settings, platform, host))).toEqual(expected)
  })

  it('do not include a storage that is not shared', () => {
    const own = { variables: {}, shamanEnabled: true, sharedStoragePath: '' }
    expect(rootPaths(own, 'linux', { platform: 'linux', storagePath: '/data/storage' }).size).toBe(0)
    expect(declaredRoots(['{jobs}/demo'], own, { platform: 'linux', storagePath: '/data/storage' })).toEqual({ roots: [], outside: [] })
  })
})

describe('a job needs', () => {
  it.each<[string, string[], string[], string[]]>([
    ['the root that its path begins with', ['{projects}/a/shot.blend'], ['projects'], []],
    ['no root for a program', ['{blender}/blender'], [], []],
    ['the shared storage for the folder of jobs', ['{jobs}/demo'], ['shared storage'], []],
    [
      'the innermost root',
      ['/mnt/projects/film/shot.blend', '/mnt/projects/farm/x', '/mnt/projects/y'],
      ['film', 'shared storage', 'projects'],
      [],
    ],
    ['each root once', ['{projects}/a', '{projects}/b'], ['projects'], []],
    ['no root for a folder that only begins like one', ['/mnt/projects-old/a'], [], ['/mnt/projects-old/a']],
    ['no root for paths elsewhere, which are named', ['/home/anna/shot.blend', '//relative', 'name'], [], ['/home/anna/shot.blend']],
  ])('%s', (_, paths, roots, outside) => {
    const found = declaredRoots(paths, settings, host)
    expect(found.roots.toSorted()).toEqual(roots.toSorted())
    expect(found.outside.filter((path) => path !== '//relative')).toEqual(outside)
  })
})

describe('the declared paths of a job', () => {
  const types: JobSetting[] = [
    { key: 'blendfile', type: 'string' },
    { key: 'texture', type: 'string', subtype: 'file_path' },
    { key: 'name', type: 'string', subtype: 'file_name' },
    { key: 'render_output_path', type: 'string', subtype: 'file_path' },
    { key: 'frames', type: 'string' },
  ]
  const values = {
    blendfile: '/p/uploads/abc/shot.blend',
    texture: '{projects}/t.png',
    name: 'x',
    render_output_path: '{renders}/######',
    frames: '1-3',
  }

  it.each<[string, { outputs: boolean; checkoutId: string | null }, string[]]>([
    ['are inputs and outputs', { outputs: true, checkoutId: null }, [values.blendfile, values.texture, values.render_output_path]],
    ['are no outputs when results come home', { outputs: false, checkoutId: null }, [values.blendfile, values.texture]],
    [
      'are none that workers fetch from the content store',
      { outputs: true, checkoutId: 'uploads/abc' },
      [values.texture, values.render_output_path],
    ],
  ])('%s', (_, how, expected) => {
    expect(declaredPaths({ settings: types }, values, how)).toEqual(expected)
  })
})
