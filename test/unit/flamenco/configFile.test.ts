import { describe, expect, test } from 'vitest'
import { Value } from 'typebox/value'
import { fileKeyOf, fileToSettings, settingsToFile } from '../../../src/main/dialects/flamenco/configFile.ts'
import { InvalidInputError } from '../../../src/main/engine/base/errors.ts'
import { FarmSettings } from '../../../src/shared/schemas/settings.ts'

const fixed = { listen: '127.0.0.1:8080', database: '/data/farm.sqlite', localManagerStoragePath: '/data' }
const settings: FarmSettings = {
  ...Value.Create(FarmSettings),
  managerName: 'Café',
  sharedStoragePath: '/mnt/farm',
  taskTimeoutMs: 90_000,
  shamanGcPeriodMs: 0,
  variables: {
    ffmpeg: { isTwoWay: false, values: [{ platforms: ['linux', 'darwin'], value: 'ffmpeg' }] },
    share: { isTwoWay: true, values: [{ audience: 'users', platforms: ['windows'], value: 'S:\\' }] },
  },
}

describe('the configuration as flamenco-manager.yaml has it', () => {
  test('shows keys and durations of the original', () => {
    expect(settingsToFile(settings, fixed)).toMatchObject({
      _meta: { version: 3 },
      manager_name: 'Café',
      listen: '127.0.0.1:8080',
      shared_storage_path: '/mnt/farm',
      shaman: { enabled: true, garbageCollect: { period: '0s', maxAge: '744h0m0s' } },
      task_timeout: '1m30s',
      worker_timeout: '1m0s',
      variables: {
        ffmpeg: {
          values: [
            { platform: 'linux', value: 'ffmpeg' },
            { platform: 'darwin', value: 'ffmpeg' },
          ],
        },
        share: { is_twoway: true, values: [{ audience: 'users', platform: 'windows', value: 'S:\\' }] },
      },
    })
  })

  test('comes back as it went', () => {
    const changes = fileToSettings(settingsToFile(settings, fixed), fixed)
    const [linux, darwin] = ['linux', 'darwin'].map((platform) => ({ platforms: [platform], value: 'ffmpeg' }))
    expect({ ...settings, ...changes }).toEqual({
      ...settings,
      variables: { ...settings.variables, ffmpeg: { isTwoWay: false, values: [linux, darwin] } },
    })
  })

  test('keys that are left out return to their defaults', () => {
    const changes = fileToSettings({ manager_name: 'x' }, fixed)
    expect(changes).toMatchObject({ managerName: 'x', taskTimeoutMs: 600_000, sharedStoragePath: '', blocklistThreshold: 3 })
  })

  test('a value without platform is for all', () => {
    const { variables } = fileToSettings(
      {
        variables: { jobs: { values: [{ value: '/mine' }] }, a: { values: [{ value: '1' }, { audience: '', platform: '', value: '2' }] } },
      },
      fixed,
    )
    expect(variables).toEqual({
      a: {
        isTwoWay: false,
        values: [
          { platforms: ['all'], value: '1' },
          { platforms: ['all'], value: '2' },
        ],
      },
    })
  })

  test.each([
    [{ _meta: { version: 4 } }, '_meta.version'],
    [{ manager_name: 7 }, 'manager_name'],
    [{ listen: ':9000' }, 'listen'],
    [{ database: 'other.sqlite' }, 'database'],
    [{ mqtt: { client: { enabled: true } } }, 'mqtt.client.enabled'],
    [{ shaman: true }, 'shaman.enabled'],
    [{ shaman: { enabled: 'yes' } }, 'shaman.enabled'],
    [{ shaman: { garbageCollect: { period: 'often' } } }, 'shaman.garbageCollect.period'],
    [{ task_timeout: 600 }, 'task_timeout'],
    [{ task_timeout: '-1s' }, 'task_timeout'],
    [{ blocklist_threshold: 1.5 }, 'blocklist_threshold'],
    [{ task_fail_after_softfail_count: 0 }, 'task_fail_after_softfail_count'],
    [{ variables: [] }, 'variables'],
    [{ variables: { a: 1 } }, 'variables.a'],
    [{ variables: { a: { is_twoway: 'no' } } }, 'variables.a'],
    [{ variables: { a: { values: {} } } }, 'variables.a'],
    [{ variables: { a: { values: [{ platforms: [], value: '' }] } } }, 'variables.a.values.0'],
    [{ variables: { a: { values: [{ platform: 'linux' }] } } }, 'variables.a.values.0'],
    [{ variables: { a: { values: [{ audience: 'cats', value: '' }] } } }, 'variables.a.values.0'],
  ])('refuses %j and names the key', (file, field) => {
    const refusal = (() => {
      try {
        return fileToSettings(file, fixed)
      } catch (error) {
        return error
      }
    })()
    expect(refusal).toBeInstanceOf(InvalidInputError)
    expect(refusal).toMatchObject({ field, message: expect.stringContaining(field) })
  })
})

test.each([
  ['managerName', 'manager_name'],
  ['shamanGcPeriodMs', 'shaman.garbageCollect.period'],
  ['variables.a.values', 'variables.a.values'],
  ['autodiscoverable', 'autodiscoverable'],
])('the setting %s is called %s there', (field, key) => expect(fileKeyOf(field)).toBe(key))
