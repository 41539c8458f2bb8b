import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore, type OpenedStore } from '../../../src/main/store/openStore.ts'
import { StoredSettings } from '../../../src/main/store/settingsStore.ts'
import { temporaryFolder } from '../../support/folder.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let opened: OpenedStore
beforeEach(async () => {
  folder = await temporaryFolder()
  opened = await openStore({ dataDir: folder.path, readConnections: 1, onFailure: (error) => expect.fail(error.message) })
})
afterEach(async () => {
  await opened.close()
  await folder.remove()
})

const load = () => StoredSettings.open(opened.read, opened.writer, () => 42)
/** Without the farm's identity, which is no setting. */
const rows = () => opened.read.all(`select key, value, updated_at from settings where key not like 'farm.%' order by key`)

it('has defaults for what was never set', async () => {
  const settings = await load()
  expect(settings.current()).toMatchObject({ managerName: 'Framehouse', workerTimeoutMs: 60_000, openToLan: false })
  expect(await rows()).toEqual([])
})

it('keeps changes over a restart, only those, and tells who listens', async () => {
  const settings = await load()
  const heard: number[] = []
  const stop = settings.onChange(({ workerTimeoutMs }) => heard.push(workerTimeoutMs))
  await settings.update({ workerTimeoutMs: 5, managerName: 'Studio' })
  expect(settings.current()).toMatchObject({ workerTimeoutMs: 5, managerName: 'Studio' })
  expect(await rows()).toEqual([
    { key: 'managerName', value: '"Studio"', updated_at: 42 },
    { key: 'workerTimeoutMs', value: '5', updated_at: 42 },
  ])
  stop()
  await settings.update({ workerTimeoutMs: 6 })
  expect(heard).toEqual([5])
  expect((await load()).current()).toMatchObject({ workerTimeoutMs: 6, managerName: 'Studio', taskTimeoutMs: 600_000 })
})

it('two changes at the same time are both kept', async () => {
  const settings = await load()
  await Promise.all([settings.update({ managerName: 'Studio' }), settings.update({ openToLan: true })])
  expect(settings.current()).toMatchObject({ managerName: 'Studio', openToLan: true })
  expect((await load()).current()).toEqual(settings.current())
})

it('refuses wrong values and unknown keys, names them, and changes nothing', async () => {
  const settings = await load()
  await expect(settings.update({ workerTimeoutMs: -1 })).rejects.toThrow(expect.objectContaining({ field: 'workerTimeoutMs' }))
  await expect(settings.update({ allowedHosts: [''] })).rejects.toThrow(expect.objectContaining({ field: 'allowedHosts.0' }))
  const relative = { sharedStoragePath: 'awake' }
  await expect(settings.update(relative)).rejects.toThrow(expect.objectContaining({ field: 'sharedStoragePath' }))
  const unknown = { ...{ managerNam: 'x' }, openToLan: true }
  await expect(settings.update(unknown)).rejects.toThrow(expect.objectContaining({ field: 'managerNam' }))
  expect(settings.current()).toMatchObject({ workerTimeoutMs: 60_000, allowedHosts: [], sharedStoragePath: '' })
  expect(await rows()).toEqual([])
})

it('ignores what another version of the program left: unknown keys and values that no longer fit', async () => {
  await opened.writer.exclusive((tx) =>
    tx.run(`insert into settings values ('gone', '1', 0), ('workerTimeoutMs', '"soon"', 0), ('managerName', '"Studio"', 0),
       ('sharedStoragePath', '"awake"', 0)`),
  )
  expect((await load()).current()).toMatchObject({ workerTimeoutMs: 60_000, managerName: 'Studio', sharedStoragePath: '' })
})

it('survives a value that is no JSON', async () => {
  await opened.writer.exclusive((tx) => tx.run(`insert into settings values ('managerName', 'not json', 0)`))
  expect((await load()).current()).toMatchObject({ managerName: 'Framehouse' })
})
