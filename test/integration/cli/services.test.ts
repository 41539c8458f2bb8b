/** Starting and stopping: both, demo, workers that wait for approval. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { nextFreePort } from '../../../src/main/cli/services/address.ts'
import { SUPERVISED } from '../../../src/main/cli/services/supervisor.ts'
import { portToComeBackTo } from '../../support/ports.ts'
import { PROGRAM, Program, ensureBuilt, framehouse } from '../../support/program.ts'
import { isAlive } from '../../support/processes.ts'

let folder: string
const started: Program[] = []
beforeAll(ensureBuilt)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-services-'))
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.stop('SIGKILL')))
  await rm(folder, { recursive: true, force: true })
})

function start(...args: string[]): Program {
  const program = Program.start(args)
  started.push(program)
  return program
}

/** The process of the worker that a manager's worker list tells of, by its lock file. */
async function workerPid(base: string): Promise<number> {
  const [name = ''] = await readdir(join(base, 'workers'))
  return Number((await readFile(join(base, 'workers', name, 'worker.lock'), 'utf8')).split(' ')[0])
}

describe('both', () => {
  it('is a farm, and SIGTERM ends both processes cleanly', async () => {
    const both = start('both', '--data', folder, '--listen', '127.0.0.1:0', '--name', 'berta')
    const [url = ''] = await both.prints(/http:\S+/)
    const args = ['submit', 'echo-sleep-test', '--set', 'message=x', '--set', 'sleep_duration_seconds=0', '--watch', '--manager', url]
    expect((await framehouse(args)).code).toBe(0)
    const pid = await workerPid(folder)
    expect(isAlive(pid)).toBe(true)
    expect(await both.stop()).toMatchObject({ code: 0 })
    expect(isAlive(pid)).toBe(false)
  })

  it('runs containers, too, when it is asked to', async () => {
    const config = join(folder, 'containers.json')
    await writeFile(config, JSON.stringify({ slots: 3, engines: [{ name: 'none', host: `unix://${folder}/no.sock` }] }))
    const both = start('both', '--data', folder, '--listen', '127.0.0.1:0', '--name', 'berta', '--container-config', config)
    const [url = ''] = await both.prints(/http:\S+/)
    const workers = async () => (await fetch(`${url}/api/v1/workers`)).json()
    await expect
      .poll(workers, { timeout: 30_000 })
      .toMatchObject({ items: expect.arrayContaining([expect.objectContaining({ name: 'berta-containers', capacity: 3 })]) })
    expect(await both.stop()).toMatchObject({ code: 0 })
  })

  it.each([
    [['--mount', '/x'], /--mount requires --containers N/],
    [['--container-config', '/no/such/file'], /cannot read \/no\/such\/file/],
  ])('refuses %j before anything runs', async (options, message) => {
    const { code, err } = await framehouse(['both', '--data', join(folder, 'never'), ...options])
    expect([code, err]).toEqual([2, expect.stringMatching(message)])
    expect(existsSync(join(folder, 'never'))).toBe(false)
  })

  it('starts a worker again that died', async () => {
    const both = start('both', '--data', folder, '--listen', '127.0.0.1:0', '--name', 'berta')
    await both.prints(/worker started/, 'err')
    const before = await workerPid(folder)
    process.kill(before, 'SIGKILL')
    await both.prints(/will be restarted[\s\S]*worker started/, 'err')
    expect(await workerPid(folder)).not.toBe(before)
    expect((await both.stop()).code).toBe(0)
  })

  it('restarts its worker when the manager asks for it, and leaves it off when it was shut down there', async () => {
    const both = start('both', '--data', folder, '--listen', '127.0.0.1:0', '--name', 'berta')
    const [url = ''] = await both.prints(/http:\S+/)
    await both.prints(/signed on/, 'err')
    const before = await workerPid(folder)
    expect((await framehouse(['workers', 'restart', 'berta', '--now', '--manager', url])).code).toBe(0)
    await both.prints(/signed on[\s\S]*signed on/, 'err')
    const after = await workerPid(folder)
    expect(after).not.toBe(before)
    expect((await framehouse(['workers', 'shutdown', 'berta', '--now', '--manager', url])).code).toBe(0)
    await both.prints(/the worker was shut down, the manager keeps running/, 'err')
    expect(isAlive(after)).toBe(false)
    expect((await framehouse(['workers', '--manager', url])).out).toMatch(/berta +offline/)
    expect((await both.stop()).code).toBe(0)
  })

  it('leaves no worker behind when it is killed', async () => {
    const both = start('both', '--data', folder, '--listen', '127.0.0.1:0', '--name', 'berta')
    await both.prints(/worker started/, 'err')
    const pid = await workerPid(folder)
    await both.stop('SIGKILL')
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false)
  })

  it('leaves no worker behind that was still being loaded when it went away', async () => {
    const worker = spawn(process.execPath, [PROGRAM, 'worker', '--manager', 'http://127.0.0.1:1', '--data', folder], {
      env: { ...process.env, [SUPERVISED]: '1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const ended = once(worker, 'exit')
    worker.disconnect()
    try {
      expect(await Promise.race([ended, sleep(30_000, 'still there')])).toEqual([0, null])
    } finally {
      worker.kill('SIGKILL')
    }
  })
})

describe('demo', () => {
  it('renders the animation, says where it is, and ends with status 0', async () => {
    const demo = start('demo', '--exit', '--data', folder, '--listen', '127.0.0.1:0', '--json')
    const { code, out, err } = await demo.ended
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
    const result = JSON.parse(out)
    expect(result).toMatchObject({ job: { status: 'completed', type: 'demo-render' }, url: expect.stringMatching(/^http:/) })
    expect(result.frames).toBeGreaterThanOrEqual(24)
    expect(result.job.counts.total).toBeGreaterThan(1)
    const files = (await readdir(result.folder)).filter((name) => name.endsWith('.png'))
    expect(files).toHaveLength(result.frames)
    expect((await readFile(join(result.folder, files[0] ?? ''))).subarray(1, 4).toString()).toBe('PNG')
  })

  it('ends with the reason and another status when it cannot run', async () => {
    const end = await start('demo', '--exit', '--data', '/dev/null/nowhere', '--listen', '127.0.0.1:0').ended
    expect(end).toMatchObject({ code: 1, err: expect.stringMatching(/data folder/) })
  })

  it('takes the next port where one is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const address = server.address()
      const taken = typeof address === 'object' ? (address?.port ?? 0) : 0
      expect(await nextFreePort({ host: '127.0.0.1', port: taken })).toBeGreaterThan(taken)
    } finally {
      server.close()
    }
  })
})

describe('a worker that nothing else looks after', () => {
  it('starts anew as another process when its manager asks for a restart, goes on rendering, and ends with a signal', async () => {
    const manager = start('manager', '--data', folder, '--listen', '127.0.0.1:0', '--trust-loopback')
    const [url = ''] = await manager.prints(/http:\S+/)
    const data = join(folder, 'workers', 'lone')
    const worker = start('worker', '--manager', url, '--data', data, '--name', 'lone')
    await worker.prints(/signed on/, 'err')
    expect(await workerPid(folder)).toBe(worker.child.pid)
    expect((await framehouse(['workers', 'restart', 'lone', '--manager', url])).code).toBe(0)
    await worker.prints(/signed on[\s\S]*signed on/, 'err')
    const again = await workerPid(folder)
    expect(again).not.toBe(worker.child.pid)
    const job = ['submit', 'echo-sleep-test', '--set', 'message=x', '--set', 'sleep_duration_seconds=0', '--watch', '--manager', url]
    expect((await framehouse(job)).code).toBe(0)
    expect((await worker.stop()).code).toBe(0)
    expect(isAlive(again)).toBe(false)
    expect((await manager.stop()).code).toBe(0)
  })

  it('ends when its manager shuts it down, after a restart too', async () => {
    const manager = start('manager', '--data', folder, '--listen', '127.0.0.1:0', '--trust-loopback')
    const [url = ''] = await manager.prints(/http:\S+/)
    const worker = start('worker', '--manager', url, '--data', join(folder, 'workers', 'lone'), '--name', 'lone')
    await worker.prints(/signed on/, 'err')
    await framehouse(['workers', 'restart', 'lone', '--manager', url])
    await worker.prints(/signed on[\s\S]*signed on/, 'err')
    await framehouse(['workers', 'shutdown', 'lone', '--manager', url])
    expect((await worker.ended).code).toBe(0)
    expect((await manager.stop()).code).toBe(0)
  })
})

describe('a log with a follower', () => {
  it.each([
    ['as text', [], (text: string) => text.match(/line-\d+/g) ?? []],
    [
      'as documents',
      ['--json'],
      (text: string) =>
        text
          .split('\n')
          .filter(Boolean)
          .flatMap((line) => (JSON.parse(line) as { text: string }).text.match(/line-\d+$/) ?? []),
    ],
  ])('goes on over a crash and a new start of the manager, %s', async (_form, options, linesOf) => {
    const port = String(await portToComeBackTo())
    const startManager = () => start('manager', '--data', join(folder, 'm'), '--listen', `127.0.0.1:${port}`, '--trust-loopback')
    const manager = startManager()
    const [url = ''] = await manager.prints(/http:\S+/)
    start('worker', '--manager', url, '--data', join(folder, 'w'), '--name', 'anna')
    // Prints a line as soon as the test has made the file of its number.
    const script = `for i in 1 2 3; do until [ -e ${folder}/go-$i ]; do sleep 0.05; done; echo line-$i; done`
    const submitted = await framehouse([
      'submit',
      'command-per-frame',
      '--set',
      `command=sh -c '${script}'`,
      '--set',
      'frames=1',
      '--json',
      '--manager',
      url,
    ])
    const { id } = JSON.parse(submitted.out) as { id: string }
    // Followed from before it runs.
    const following = start('logs', `00000001${id.slice(8)}`, '--follow', '--manager', url, ...options)
    await writeFile(join(folder, 'go-1'), '')
    await following.prints(/line-1/)
    await manager.stop('SIGKILL')
    await writeFile(join(folder, 'go-2'), '')
    const again = startManager()
    await again.prints(/http:\S+/)
    await following.prints(/line-2/)
    await writeFile(join(folder, 'go-3'), '')
    const { code, out, err } = await following.ended
    // What it told on the way says why, when this fails.
    expect(linesOf(out), `${err}\n${again.err}`).toEqual(['line-1', 'line-2', 'line-3'])
    expect(code).toBe(0)
  })
})

describe('a manager that trusts no client', () => {
  it('lets a worker in after the owner approved it', async () => {
    const manager = start('manager', '--data', folder, '--listen', '127.0.0.1:0')
    const [url = ''] = await manager.prints(/http:\S+/)
    expect((await framehouse(['jobs', '--manager', url])).code).toBe(5)
    const token = (await readFile(join(folder, 'owner-token'), 'utf8')).trim()
    const owner = (...args: string[]) => framehouse(args, { env: { FRAMEHOUSE_MANAGER: url, FRAMEHOUSE_TOKEN: token } })

    const worker = start('worker', '--manager', url, '--data', join(folder, 'w'), '--name', 'stranger')
    await expect.poll(async () => (await owner('workers')).out, { timeout: 20_000 }).toMatch(/stranger +waits for approval/)
    const submitted = await owner('submit', 'echo-sleep-test', '--set', 'message=x', '--set', 'sleep_duration_seconds=0')
    expect(submitted.code).toBe(0)
    expect((await owner('job', 'last')).out).toMatch(/Waiting: .+/)
    expect((await owner('workers', 'approve', 'stranger')).code).toBe(0)
    await expect.poll(async () => (await owner('job', 'last')).out, { timeout: 30_000 }).toMatch(/Status +completed/)
    expect((await worker.stop()).code).toBe(0)
    expect((await manager.stop()).code).toBe(0)
    expect(existsSync(join(folder, 'framehouse.sqlite'))).toBe(true)
  })
})

describe('a manager that listens for https, too', () => {
  it('prints the fingerprint by which workers and people know it, and programs find their way with its certificate', async () => {
    const manager = start('manager', '--data', folder, '--listen', '127.0.0.1:0', '--tls', '127.0.0.1:0', '--trust-loopback', '--json')
    await manager.prints(/\}\n/)
    const { tls } = JSON.parse(manager.out) as { tls: { url: string; fingerprint: string } }
    const worker = start('worker', '--manager', tls.url, '--fingerprint', tls.fingerprint, '--data', join(folder, 'w'), '--name', 'sealed')
    await worker.prints(/signed on/, 'err')
    const args = ['workers', '--manager', tls.url]
    expect(await framehouse(args)).toMatchObject({ code: 3, err: expect.stringMatching(/is not trusted .*NODE_EXTRA_CA_CERTS/s) })
    const trusting = { env: { NODE_EXTRA_CA_CERTS: join(folder, 'tls', 'authority', 'certificate.pem') } }
    expect(await framehouse(args, trusting)).toMatchObject({ code: 0, out: expect.stringContaining('sealed') })
    expect((await worker.stop()).code).toBe(0)
    expect((await manager.stop()).code).toBe(0)
  })

  it('does not start with a port that is taken or a certificate that cannot be used, and says which option to change', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const manager = ['manager', '--data', folder, '--listen', '127.0.0.1:0', '--tls', `127.0.0.1:${port}`]
    expect(await framehouse(manager)).toMatchObject({ code: 1, err: expect.stringContaining('choose another with --tls') })
    const files = ['--tls-cert', PROGRAM, '--tls-key', PROGRAM]
    expect(await framehouse([...manager, ...files])).toMatchObject({ code: 1, err: expect.stringContaining('contains no usable PEM') })
    taken.close()
  })
})

it('doctor tells what it found, as a table and as JSON', async () => {
  const { code, out } = await framehouse(['doctor', '--data', folder, '--listen', '127.0.0.1:0', '--json'])
  expect(code).toBe(0)
  const names = JSON.parse(out).checks.map((check: { name: string }) => check.name)
  expect(names).toEqual(expect.arrayContaining(['machine', 'sqlite3', 'sharp', 'data folder', 'port', 'blender', 'ffmpeg', 'docker']))
  const refused = await framehouse(['doctor', '--data', '/dev/null/nowhere', '--listen', '127.0.0.1:0'])
  expect(refused).toMatchObject({ code: 1, out: expect.stringMatching(/data folder +problem/) })
})
