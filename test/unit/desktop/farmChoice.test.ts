/** Which farm the window shows: addresses, the check of one, what is kept, and starting at login. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ShellStore } from '../../../src/main/desktop/shellStore.ts'

const keychain = vi.hoisted(() => ({ there: true }))
vi.mock('electron', () => ({
  app: {},
  safeStorage: {
    isEncryptionAvailable: () => keychain.there,
    encryptString: (text: string) => Buffer.from(text).reverse(),
    decryptString: (bytes: Buffer) => Buffer.from(bytes).reverse().toString(),
  },
}))
const { checkFarm, farmAddress, FarmChoices } = await import('../../../src/main/desktop/farm/farmChoice.ts')
const { autostartEntry, isStartAtLogin, ownCommand, windowsArgs } = await import('../../../src/main/desktop/loginItem.ts')

const folder = mkdtempSync(join(tmpdir(), 'framehouse-choice-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the address of a farm', () => {
  it.each([
    ['farm:8080', 'http://farm:8080'],
    [' https://farm.studio.example/app/jobs ', 'https://farm.studio.example'],
    ['192.168.1.20:8080', 'http://192.168.1.20:8080'],
    ['[fe80::1]:8080', 'http://[fe80::1]:8080'],
    ['', undefined],
    ['two words', undefined],
    ['ftp://farm', undefined],
    ['file:///etc/passwd', undefined],
    ['http://user:secret@farm', undefined],
    ['javascript:alert(1)', undefined],
  ])('%j is kept as %s', (typed, kept) => expect(farmAddress(typed)).toBe(kept))
})

describe('a farm is checked before the window moves there', () => {
  let server: Server
  let url = ''
  const status = {
    version: '1.2.3',
    managerName: 'North',
    farm: 'idle',
    now: new Date(0).toISOString(),
    startedAt: new Date(0).toISOString(),
    jobs: {},
    tasks: {},
    workers: {},
    pendingWorkers: 0,
    framesLastHour: 0,
    openToLan: false,
  }
  let reply: { code: number; body: string; location?: string } = { code: 200, body: '' }
  let told: string | undefined
  beforeAll(async () => {
    server = createServer((request, response) => {
      told = request.headers.authorization
      response.writeHead(reply.code, reply.location ? { location: reply.location } : {}).end(reply.body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())

  it('that answers, with the token', async () => {
    reply = { code: 200, body: JSON.stringify(status) }
    expect(await checkFarm({ managerUrl: url, token: 'fh_1' })).toMatchObject({ state: 'ok', name: 'North', version: '1.2.3' })
    expect(told).toBe('Bearer fh_1')
  })
  it.each([
    ['refused', { code: 401, body: '{}' }],
    ['refused', { code: 403, body: '{}' }],
    ['no-manager', { code: 200, body: '<h1>It works!</h1>' }],
    ['no-manager', { code: 404, body: '' }],
    ['no-manager', { code: 302, body: '', location: 'http://127.0.0.1:1/' }],
  ])('%s when it answers %j', async (state, answer) => {
    reply = answer
    expect((await checkFarm({ managerUrl: url, token: '' })).state).toBe(state)
  })
  it('unreachable when nothing listens there', async () => {
    expect(await checkFarm({ managerUrl: 'http://127.0.0.1:1', token: '' })).toMatchObject({ state: 'unreachable' })
  })
})

describe('the choice of a farm', () => {
  const store = () => new ShellStore(join(folder, 'shell.json'))
  const choices = (env: NodeJS.ProcessEnv = {}) => new FarmChoices(store(), folder, env)
  beforeEach(() => {
    keychain.there = true
    rmSync(join(folder, 'shell.json'), { force: true })
    rmSync(join(folder, 'token'), { force: true })
  })

  it('is this program until another one is made, and comes back at the next start', () => {
    expect(choices().current()).toEqual({ managerUrl: '', token: '' })
    choices().keep({ managerUrl: 'http://farm:8080', token: 'fh_1' })
    expect(choices().current()).toEqual({ managerUrl: 'http://farm:8080', token: 'fh_1' })
    choices().keep({ managerUrl: '', token: '' })
    expect(choices().current()).toEqual({ managerUrl: '', token: '' })
    expect(existsSync(join(folder, 'token'))).toBe(false)
  })
  it('never writes a token as it is: without a keychain it lives as long as the program', () => {
    choices().keep({ managerUrl: 'http://farm:8080', token: 'fh_1' })
    expect(readFileSync(join(folder, 'token'), 'utf8')).not.toContain('fh_1')
    expect(readFileSync(join(folder, 'shell.json'), 'utf8')).not.toContain('fh_1')
    keychain.there = false
    const now = choices()
    now.keep({ managerUrl: 'http://farm:8080', token: 'fh_2' })
    expect(now.current().token).toBe('fh_2')
    expect(existsSync(join(folder, 'token'))).toBe(false)
    expect(choices().current()).toEqual({ managerUrl: 'http://farm:8080', token: '' })
  })
  it('of the environment goes first, until another one is made', () => {
    const now = choices({ FRAMEHOUSE_MANAGER: 'http://other:8080', FRAMEHOUSE_TOKEN: 'fh_3' })
    expect(now.current()).toEqual({ managerUrl: 'http://other:8080', token: 'fh_3' })
    now.keep({ managerUrl: '', token: '' })
    expect(now.current()).toEqual({ managerUrl: '', token: '' })
  })
})

describe('starting at login on Linux', () => {
  it('names the program, and the folder of a clone', () => {
    const getAppPath = () => '/src/framehouse'
    expect(ownCommand({ isPackaged: false, getAppPath }, '/opt/electron')).toEqual(['/opt/electron', '/src/framehouse'])
    expect(ownCommand({ isPackaged: true, getAppPath }, '/opt/framehouse/framehouse')).toEqual(['/opt/framehouse/framehouse'])
  })
  it('names the file of an AppImage, whose mount is gone by then', () => {
    const program = { isPackaged: true, getAppPath: () => '' }
    const env = { APPIMAGE: '/home/ann/Framehouse.AppImage', APPDIR: '/tmp/.mount_Frame1' }
    expect(ownCommand(program, '/tmp/.mount_Frame1/framehouse-desktop', env)).toEqual(['/home/ann/Framehouse.AppImage'])
    expect(ownCommand(program, '/opt/framehouse/framehouse-desktop', env)).toEqual(['/opt/framehouse/framehouse-desktop'])
  })
  it('is an entry whose command survives spaces, quotes and field codes', () => {
    expect(autostartEntry(['/opt/My "Farm"/frame 100%', '--hidden'])).toContain('Exec="/opt/My \\\\"Farm\\\\"/frame 100%%" "--hidden"\n')
  })
})

describe('starting at login on Windows and macOS', () => {
  it.each([
    [['app', '--hidden'], 'win32', false, true],
    [['app'], 'win32', true, false],
    [['app'], 'linux', true, false],
    [['app'], 'darwin', true, true],
    [['app'], 'darwin', false, false],
  ] as const)('%j on %s, which says %s: %s', (args, platform, openedAtLogin, expected) => {
    expect(isStartAtLogin(args, platform, () => openedAtLogin)).toBe(expected)
  })
  it.each([
    ['--hidden', '--hidden'],
    ['C:\\Users\\Ann Lee\\framehouse', '"C:\\Users\\Ann Lee\\framehouse"'],
    ['C:\\Program Files\\', '"C:\\Program Files\\\\"'],
    ['C:\\plain\\', 'C:\\plain\\'],
    ['say "x"', '"say \\"x\\""'],
    ['', '""'],
  ])('%s is kept as %s in a command line of Windows', (arg, quoted) => expect(windowsArgs([arg])).toEqual([quoted]))
})
