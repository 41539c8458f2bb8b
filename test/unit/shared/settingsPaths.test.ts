import { describe, expect, test } from 'vitest'
import type { Variable } from '../../../src/shared/schemas/settings.ts'
import { wrongPath } from '../../../src/shared/paths/settingsPaths.ts'

const storage = (sharedStoragePath: string, platform: string) => wrongPath({ sharedStoragePath }, platform)

describe('the shared storage', () => {
  test.each([
    ['linux', ''],
    ['linux', '/mnt/farm'],
    ['linux', '/'],
    ['linux', '/mnt/läger ~ 1'],
    ['darwin', '/Volumes/Farm'],
    ['windows', 'S:\\'],
    ['windows', 'S:/farm'],
    ['windows', 'C:\\Users\\Public'],
    ['windows', '\\\\nas\\farm'],
    ['windows', '//nas/farm'],
  ])('on %s may be %j', (platform, path) => expect(storage(path, platform)).toBeUndefined())

  test.each([
    ['linux', 'awake', /"awake" is not an absolute path.*\/mnt\/farm/],
    ['linux', './awake', /not an absolute path/],
    ['linux', '../awake', /not an absolute path/],
    ['linux', ' /mnt/farm', /not an absolute path/],
    ['linux', ' ', /not an absolute path/],
    ['linux', '~', /"~" .*shell/],
    ['linux', '~/renders', /"~" .*shell/],
    ['darwin', '~anna/renders', /"~" .*shell/],
    ['linux', 'C:\\farm', /Windows.*linux/],
    ['darwin', 'S:/farm', /Windows.*darwin/],
    ['linux', '\\\\nas\\farm', /Windows.*linux/],
    ['linux', '{storage}/x', /not an absolute path/],
    ['linux', '/mnt/\0', /control character/],
    ['linux', '/mnt/a\nb', /control character/],
    ['windows', 'awake', /"awake" is not an absolute path.*S:\\farm/],
    ['windows', '/mnt/farm', /drive letter/],
    ['windows', '\\farm', /drive letter/],
    ['windows', 'C:', /not an absolute path/],
    ['windows', 'C:farm', /not an absolute path/],
    ['windows', '\\\\nas', /share/],
    ['windows', '~\\farm', /"~" .*shell/],
  ])('on %s must not be %j', (platform, path, reason) => {
    expect(storage(path, platform)).toEqual({ field: 'sharedStoragePath', message: expect.stringMatching(reason) })
  })
})

describe('a value of a two-way variable', () => {
  const wrong = (platforms: string[], value: string, isTwoWay = true) => {
    const variable: Variable = {
      isTwoWay,
      values: [
        { platforms: ['all'], value: '' },
        { platforms, value },
      ],
    }
    return wrongPath({ variables: { share: variable } }, 'linux')
  }

  test.each([
    [['linux'], '/mnt/share'],
    [['windows'], 'S:'],
    [['windows'], 'S:\\share'],
    [['windows'], '\\\\nas\\share'],
    [['darwin'], ''],
    [['all'], '/mnt/share'],
    [['all'], 'S:\\share'],
    [['linux', 'darwin'], '/mnt/share'],
    [['freebsd'], '/mnt/share'],
    [['linux'], '{root}/share'],
  ])('for %j may be %j', (platforms, value) => expect(wrong(platforms, value)).toBeUndefined())

  test.each([
    [['linux'], 'share', /not an absolute path/],
    [['linux'], '~/share', /shell/],
    [['linux'], 'S:\\share', /Windows.*linux/],
    [['windows'], '/mnt/share', /drive letter/],
    [['linux', 'windows'], '/mnt/share', /drive letter/],
    [['all'], 'share', /not an absolute path/],
    [['freebsd'], 'share', /not an absolute path/],
    [['linux'], '/mnt/\0', /control character/],
  ])('for %j must not be %j', (platforms, value, reason) => {
    expect(wrong(platforms, value)).toEqual({ field: 'variables.share.values.1.value', message: expect.stringMatching(reason) })
  })

  test('programs and arguments are no paths', () => {
    expect(wrong(['linux'], 'blender', false)).toBeUndefined()
    expect(wrong(['all'], '-b -y', false)).toBeUndefined()
  })
})
