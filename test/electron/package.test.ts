/** The packed program: whole without anything around it, and the same program for all roles. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runtimePackages } from '../../scripts/lib/stage.mjs'
import { ManagerProcess } from '../support/managerProcess.ts'
import { requirePart } from '../support/parts.ts'
import { ensureBuilt } from '../support/program.ts'

const part = requirePart('electron')
const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

const onLinux = process.platform === 'linux' ? part.describe : describe.skip
onLinux('the packed program', () => {
  let folder: string
  let packed: string

  beforeAll(async () => {
    ensureBuilt()
    folder = await mkdtemp(join(tmpdir(), 'framehouse-package-'))
    packed = join(folder, 'linux-unpacked')
    const env = { ...process.env, FRAMEHOUSE_PACKAGES: folder, FRAMEHOUSE_ELECTRON: part.path }
    await run(process.execPath, [join(root, 'scripts', 'package.mjs'), '--dir', '--linux'], { cwd: root, env, maxBuffer: 16 * 1024 * 1024 })
  }, 300_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('has what runs and nothing for development', async () => {
    const app = join(packed, 'resources', 'app')
    for (const there of [
      'out/main/index.js',
      'out/main/headless.js',
      'out/preload/index.cjs',
      'out/renderer/index.html',
      'resources/job-types',
    ]) {
      expect(existsSync(join(app, there)), there).toBe(true)
    }
    for (const gone of ['src', 'test', 'node_modules/typescript', 'node_modules/electron', 'node_modules/vite', 'out/main/index.js.map']) {
      expect(existsSync(join(app, gone)), gone).toBe(false)
    }
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Parameters<typeof runtimePackages>[0]
    expect(runtimePackages(lock)).toContain('node_modules/fastify')
    expect(runtimePackages(lock)).not.toContain('node_modules/vitest')
  })

  it('runs a manager that serves the GUI, with nothing but its own packages', async () => {
    const manager = await ManagerProcess.start({ program: join(packed, 'resources', 'app', 'bin', 'framehouse.js') })
    try {
      const types = await manager.json<{ items: { name: string }[] }>('GET', '/api/v1/job-types')
      expect(types.items.map(({ name }) => name)).toContain('demo-render')
      const page = await fetch(`${manager.url}/app/`)
      expect(page.status).toBe(200)
      expect(await page.text()).toContain('<div id="app">')
    } finally {
      await manager.stop(true)
    }
  })

  it('has the command beside the program', async () => {
    // Node in the place of Electron, which runs as Node for this: the old one of the tests has a Node too old for the program.
    const program = join(packed, 'framehouse-desktop')
    await rename(program, `${program}.electron`)
    await symlink(process.execPath, program)
    const { stdout } = await run(join(packed, 'framehouse'), ['--version'])
    expect(stdout).toMatch(/^framehouse \d+\.\d+\.\d+/)
    const doctor = await run(join(packed, 'framehouse'), ['doctor']).catch((error: { stdout: string }) => error)
    expect(doctor.stdout).toMatch(/sqlite3 +ok/)
  })
})
