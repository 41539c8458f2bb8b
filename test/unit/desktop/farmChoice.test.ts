/** Which farm the window shows: addresses, the check of one, what is kept, and starting at login. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
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
const { FarmChoices, HERE } = await import('../../../src/main/desktop/farm/farmChoice.ts')
const { farmAddress, meetFarm } = await import('../../../src/main/desktop/farm/meetFarm.ts')
const { autostartEntry, isStartAtLogin, ownCommand, windowsArgs } = await import('../../../src/main/desktop/loginItem.ts')

const folder = mkdtempSync(join(tmpdir(), 'framehouse-choice-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the address of a farm', () => {
  it.each([
    ['farm:8080', 'http://farm:8080'],
    [' https://farm.studio.example/app/jobs ', 'https://farm.studio.example'],
    ['192.168.1.20:8080', 'http://192.168.1.20:8080'],
    ['[fe80::1]:8080', 'http://[fe80::1]:8080'],
    ['farm', 'https://farm:8443'],
    ['192.168.1.20:8443', 'https://192.168.1.20:8443'],
    ['', undefined],
    ['two words', undefined],
    ['ftp://farm', undefined],
    ['file:///etc/passwd', undefined],
    ['http://user:secret@farm', undefined],
    ['javascript:alert(1)', undefined],
  ])('%j is kept as %s', (typed, kept) => expect(farmAddress(typed)).toBe(kept))
})

describe('a farm is met before the window moves there', () => {
  let server: Server
  let url = ''
  const farm = { farmId: '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b', managerName: 'North', proof: null }
  let reply: { code: number; body: string; location?: string } = { code: 200, body: '' }
  let status = 200
  const told: (string | undefined)[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      told.push(request.headers.authorization)
      if (request.url?.endsWith('/status')) response.writeHead(status).end('{}')
      else response.writeHead(reply.code, reply.location ? { location: reply.location } : {}).end(reply.body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())
  beforeEach(() => {
    told.length = 0
    status = 200
    reply = { code: 200, body: JSON.stringify(farm) }
  })
  const meet = (typed: string, token = '', authority = '') => meetFarm({ typed, token, authority, log: silentLogger })

  it('that says who it is; only then it gets the token', async () => {
    expect(await meet(url, 'fh_1')).toMatchObject({ check: { state: 'ok', name: 'North' }, farm: { farmId: farm.farmId, authority: '' } })
    expect(told).toEqual([undefined, 'Bearer fh_1'])
  })
  it.each([401, 403])('refused when it answers the token with %i', async (code) => {
    status = code
    expect((await meet(url, 'fh_1')).check.state).toBe('refused')
  })
  it.each([
    { code: 200, body: '<h1>It works!</h1>' },
    { code: 200, body: '{}' },
    { code: 404, body: '' },
    { code: 302, body: '', location: 'http://127.0.0.1:1/' },
  ])('no manager when it answers %j, and the token is not sent', async (answer) => {
    reply = answer
    expect((await meet(url, 'fh_1')).check.state).toBe('no-manager')
    expect(told).toEqual([undefined])
  })
  it('unreachable when nothing listens there', async () => {
    for (const nowhere of ['http://127.0.0.1:1', 'https://127.0.0.1:1']) expect((await meet(nowhere)).check.state).toBe('unreachable')
  })
  it('never over plain HTTP where an authority is expected', async () => {
    expect((await meet(url, '', 'AA:'.repeat(31) + 'AA')).check.state).toBe('not-proven')
    expect(told).toEqual([])
  })
  it.each([
    ['a file that is none', join(folder, 'none.join')],
    ['two words', 'two words'],
  ])('neither address nor invitation: %s', async (_what, typed) => expect((await meet(typed)).check.state).toBe('bad-address'))
})

describe('the choice of a farm', () => {
  const farm = {
    mode: 'work' as const,
    managerUrl: 'https://farm:8443',
    authority: 'AA',
    farmId: 'f1',
    farmName: 'North',
    token: 'fh_1',
  }
  const store = () => new ShellStore(join(folder, 'shell.json'))
  const choices = (env: NodeJS.ProcessEnv = {}) => new FarmChoices(store(), folder, env)
  beforeEach(() => {
    keychain.there = true
    rmSync(join(folder, 'shell.json'), { force: true })
    rmSync(join(folder, 'token'), { force: true })
  })

  it('is this program until another one is made, and comes back at the next start', () => {
    expect(choices().current()).toEqual(HERE)
    expect(choices().isMade()).toBe(false)
    choices().keep(farm)
    expect(choices().current()).toEqual(farm)
    choices().moved('https://10.0.0.9:8443')
    expect(choices().current()).toEqual({ ...farm, managerUrl: 'https://10.0.0.9:8443' })
    choices().keep(HERE)
    expect(choices().current()).toEqual(HERE)
    expect(choices().isMade()).toBe(true)
    expect(existsSync(join(folder, 'token'))).toBe(false)
  })
  it.each([
    ['', 'here'],
    ['http://farm:8080', 'look'],
  ])('of before there were three is carried over: %j is %s', (managerUrl, mode) => {
    writeFileSync(join(folder, 'shell.json'), JSON.stringify({ managerUrl }))
    expect(choices().current()).toMatchObject({ mode, managerUrl })
    expect(choices().isMade()).toBe(true)
  })
  it('never writes a token as it is: without a keychain it lives as long as the program', () => {
    choices().keep(farm)
    expect(readFileSync(join(folder, 'token'), 'utf8')).not.toContain('fh_1')
    expect(readFileSync(join(folder, 'shell.json'), 'utf8')).not.toContain('fh_1')
    keychain.there = false
    const now = choices()
    now.keep({ ...farm, token: 'fh_2' })
    expect(now.current().token).toBe('fh_2')
    expect(existsSync(join(folder, 'token'))).toBe(false)
    expect(choices().current()).toEqual({ ...farm, token: '' })
  })
  it('of the environment goes first, until another one is made', () => {
    const now = choices({ FRAMEHOUSE_MANAGER: 'http://other:8080', FRAMEHOUSE_TOKEN: 'fh_3' })
    expect(now.current()).toMatchObject({ mode: 'look', managerUrl: 'http://other:8080', token: 'fh_3' })
    now.keep(HERE)
    expect(now.current()).toEqual(HERE)
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
