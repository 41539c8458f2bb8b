/** Where folders of jobs are, for the manager: what may change by itself, and what only a person changes. */
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FrameFolders } from '../../../src/main/files/looks/folders.ts'
import { placeOfFolder, type FileHost } from '../../../src/main/files/sharedFiles.ts'
import type { VariableSettings } from '../../../src/main/engine/compile/variables.ts'

let top: string
let host: FileHost
let settings: VariableSettings
beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), 'framehouse-places-')))
  for (const name of ['data', 'storage/renders', 'elsewhere']) await mkdir(join(top, name), { recursive: true })
  host = { platform: 'linux', storagePath: join(top, 'storage'), dataFolder: join(top, 'data') }
  settings = withShare(join(top, 'share'))
})
afterEach(() => rm(top, { recursive: true, force: true }))

const withShare = (value: string): VariableSettings => ({
  shamanEnabled: false,
  variables: { share: { isTwoWay: true, values: [{ platforms: ['all'], value }] } },
})
const placeOf = (folder: string) => placeOfFolder(folder.startsWith('/') ? folder : join(top, folder), settings, host)

it('a folder in the storage is shared, and missing until a worker creates it', async () => {
  expect(await placeOf('storage/renders')).toBe('shared')
  expect(await placeOf('storage/renders/shot/10')).toBe('missing')
  await writeFile(join(top, 'storage/file'), '')
  expect(await placeOf('storage/file')).toBe('missing')
})

it('a folder under a two-way variable is missing even while nothing of that folder exists', async () => {
  expect(await placeOf('share/shot')).toBe('missing')
  await mkdir(join(top, 'share/shot'), { recursive: true })
  expect(await placeOf('share/shot')).toBe('shared')
})

it('a folder that a link leads into the storage counts by where it leads', async () => {
  await symlink(join(top, 'storage/renders'), join(top, 'link'))
  expect(await placeOf('link')).toBe('shared')
  expect(await placeOf('link/shot')).toBe('missing')
})

it('folders elsewhere are outside, whether they exist or not; those of the data folder are only missing', async () => {
  expect(await placeOf('elsewhere')).toBe('outside')
  expect(await placeOf('elsewhere/shot')).toBe('outside')
  expect(await placeOf('/no/such/folder')).toBe('outside')
  expect(await placeOfFolder('C:\\renders', settings, host)).toBe('outside')
  expect(await placeOf('data/results/job')).toBe('missing')
})

it('what was outside is asked about again as soon as a variable leads there', async () => {
  const folders = new FrameFolders(
    () => settings,
    () => host,
  )
  const promised = [{ frame: 1, folder: join(top, 'elsewhere'), stem: 'f_0001' }]
  expect(folders.areOutside(promised, 'linux')).toBe(false)
  expect(await folders.isShared(join(top, 'elsewhere'))).toBe(false)
  expect(folders.areOutside(promised, 'linux')).toBe(true)
  settings = withShare(join(top, 'elsewhere'))
  expect(folders.areOutside(promised, 'linux')).toBe(false)
  expect(await folders.isShared(join(top, 'elsewhere'))).toBe(true)
})
