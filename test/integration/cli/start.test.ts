/** `npm start`: the desktop program where it can run; else manager and worker, and words about where to look. */
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { chooseStart } from '../../../scripts/lib/start.mjs'
import { ensureBuilt } from '../../support/program.ts'

async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-start-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('what npm start starts', () => {
  it('is the desktop program where its runtime is and a screen', async () => {
    const root = await tempFolder()
    const runtime = join(root, 'node_modules', 'electron', 'dist')
    const onLinux = (env: Record<string, string>) => chooseStart({ root, platform: 'linux', env })
    expect(onLinux({ DISPLAY: ':0' })).toMatchObject({ kind: 'headless', why: expect.stringContaining('install-electron') })
    mkdirSync(runtime, { recursive: true })
    writeFileSync(join(runtime, 'electron'), '')
    expect(onLinux({ DISPLAY: ':0' })).toEqual({ kind: 'desktop', electron: join(runtime, 'electron') })
    expect(onLinux({ WAYLAND_DISPLAY: 'wayland-0' }).kind).toBe('desktop')
    expect(onLinux({})).toMatchObject({ kind: 'headless', why: expect.stringContaining('no screen') })
  })
})

describe('npm start without a screen', () => {
  beforeAll(ensureBuilt)
  it('says so, prints the address of a farm with a worker, and ends with SIGTERM', async () => {
    const data = await tempFolder()
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/DISPLAY$|^FRAMEHOUSE_/.test(key)))
    const script = join(import.meta.dirname, '../../../scripts/start.mjs')
    const child = spawn(process.execPath, [script, '--data', data, '--listen', '127.0.0.1:0'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const address = () => /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0]
    await expect.poll(address, { timeout: 60_000 }).toBeDefined()
    if (process.platform === 'linux') expect(text).toMatch(/open the address that follows in a browser[\s\S]*http:/)
    expect((await fetch(`${address()}/app/`)).headers.get('content-type')).toContain('text/html')
    await expect.poll(async () => (await fetch(`${address()}/api/v1/workers`)).text(), { timeout: 60_000 }).toContain('"awake"')
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
})

describe('npx framehouse both', () => {
  beforeAll(ensureBuilt)
  it.runIf(process.platform !== 'win32')('ends with the npm that runs it, and so does its worker', async () => {
    const data = await tempFolder()
    const root = join(import.meta.dirname, '../../..')
    const command = `exec npm exec --no -- framehouse both --data "${data}" --listen 127.0.0.1:0`
    const npm = spawn('sh', ['-c', command], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void npm.kill('SIGKILL'))
    let text = ''
    npm.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const address = () => /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0] ?? ''
    await expect.poll(address, { timeout: 60_000 }).not.toBe('')
    const processes = async () => {
      const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args='])
      return stdout.split('\n').filter((line) => line.includes(data) && line.includes('node'))
    }
    await expect.poll(async () => (await processes()).length, { timeout: 60_000 }).toBeGreaterThan(1)
    npm.kill('SIGTERM')
    await expect.poll(processes, { timeout: 60_000 }).toEqual([])
  })
})
