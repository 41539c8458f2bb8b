import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { DEFAULTS } from '../../../src/main/desktop/shellStore.ts'
import { SHELL_CALLS, SHELL_PUSHES } from '../../../src/shared/ipc.ts'
import { CALL_CHANNELS, PUSH_CHANNELS } from '../../../src/shared/ipcChannels.ts'

const electron = vi.hoisted(() => ({
  handlers: new Map<string, (event: unknown, request: unknown) => Promise<unknown>>(),
  openPath: vi.fn(async (_path: string) => ''),
  showOpenDialog: vi.fn(async (_options: unknown) => ({ canceled: false, filePaths: ['/mnt/shot.blend'] })),
}))
vi.mock('electron', () => ({
  ipcMain: {
    handle: (channel: string, handler: (event: unknown, request: unknown) => Promise<unknown>) => electron.handlers.set(channel, handler),
  },
  dialog: { showOpenDialog: electron.showOpenDialog },
  shell: { openPath: electron.openPath },
}))
const { registerIpc } = await import('../../../src/main/desktop/ipc.ts')

const OURS = { senderFrame: { url: 'http://127.0.0.1:8080/app/jobs' } }
const call = (channel: string, request: unknown, event: unknown = OURS) => electron.handlers.get(channel)?.(event, request)

describe('the shell answers its window', () => {
  let preferences = DEFAULTS.preferences
  beforeEach(() => {
    preferences = DEFAULTS.preferences
    registerIpc({
      origin: () => 'http://127.0.0.1:8080',
      window: () => null,
      info: () => ({
        version: '1',
        platform: 'linux',
        mode: 'here',
        chosen: true,
        managerUrl: 'http://127.0.0.1:8080',
        farmName: '',
        authority: '',
        workerName: 'ws1',
        signIn: null,
      }),
      preferences: () => preferences,
      setPreferences: (next) => (preferences = next),
      watchFarms: () => [],
      setLanguage: () => undefined,
      useFarm: async ({ farm }) => ({ state: 'unreachable', message: 'refused', name: '', managerUrl: farm }),
    })
  })

  it('has a handler for every channel of the map, and preload knows them all', () => {
    expect([...electron.handlers.keys()].sort()).toEqual(Object.keys(SHELL_CALLS).sort())
    expect([...CALL_CHANNELS].sort()).toEqual(Object.keys(SHELL_CALLS).sort())
    expect([...PUSH_CHANNELS].sort()).toEqual(Object.keys(SHELL_PUSHES).sort())
  })
  it('picks a file', async () => {
    await expect(call('shell:pick-file', { title: 'Scene', folder: false, filters: [] })).resolves.toEqual({
      ok: true,
      value: '/mnt/shot.blend',
    })
  })
  it('refuses a request of the wrong shape', async () => {
    await expect(call('shell:set-preferences', { startAtLogin: 'yes' })).resolves.toEqual({
      ok: false,
      message: 'shell:set-preferences: the request has the wrong shape',
    })
    expect(preferences).toEqual(DEFAULTS.preferences)
  })
  it('checks another farm only for a request of the right shape', async () => {
    await expect(call('shell:use-farm', { mode: 'look', farm: 'farm:8080', authority: '', token: null })).resolves.toMatchObject({
      ok: true,
      value: { state: 'unreachable' },
    })
    await expect(call('shell:use-farm', { mode: 'look', farm: 'farm:8080' })).resolves.toMatchObject({ ok: false })
    await expect(call('shell:use-farm', { mode: 'look', farm: 'farm:8080', authority: '', token: null, more: 1 })).resolves.toMatchObject({
      ok: false,
    })
  })
  it.each(['https://evil.example/app/', 'http://127.0.0.1:8080.evil.example/', 'file:///etc/passwd', ''])(
    'refuses a page at %s',
    async (url) => {
      await expect(call('shell:info', null, { senderFrame: { url } })).resolves.toEqual({ ok: false, message: 'not from our page' })
    },
  )
  it('opens folders, and nothing that could be run', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'framehouse-out-'))
    await expect(call('shell:open-folder', { path: folder })).resolves.toEqual({ ok: true, value: true })
    await expect(call('shell:open-folder', { path: process.execPath })).resolves.toMatchObject({ ok: false })
    await expect(call('shell:open-folder', { path: join(folder, 'none') })).resolves.toMatchObject({ ok: false })
    expect(electron.openPath).toHaveBeenCalledTimes(1)
  })
})
