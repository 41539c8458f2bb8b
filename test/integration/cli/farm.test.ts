/** One farm of built programs (manager and worker as processes), and everything a person or script does with it. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differenceIn, differenceOf, HOSTILE, hostileInShell } from '../../support/hostile.ts'
import { Program, PROGRAM, ensureBuilt, framehouse } from '../../support/program.ts'

let folder: string
let url: string
let manager: Program
let worker: Program

beforeAll(async () => {
  ensureBuilt()
  folder = await mkdtemp(join(tmpdir(), 'framehouse-cli-'))
  manager = Program.start(['manager', '--data', join(folder, 'manager'), '--listen', '127.0.0.1:0', '--trust-loopback', '--json'])
  const [, found = ''] = await manager.prints(/"url":"([^"]+)"/)
  url = found
  worker = Program.start(['worker', '--manager', url, '--data', join(folder, 'worker'), '--name', 'anna', '--slots', '2'])
})

afterAll(async () => {
  const ends = await Promise.all([worker, manager].map((program) => program?.stop()))
  await rm(folder, { recursive: true, force: true })
  // A clean end on SIGTERM is part of what is tested here.
  for (const end of ends) expect(end).toMatchObject({ code: 0, signal: null })
})

const cli = (...args: string[]) => framehouse(args, { env: { FRAMEHOUSE_MANAGER: url } })
async function json(...args: string[]): Promise<unknown> {
  const { code, out, err } = await cli(...args, '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}
const clean = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('FRAMEHOUSE_')))
/** What it writes into a pipe. */
async function bytesOf(...args: string[]): Promise<Buffer> {
  const env = { ...clean, FRAMEHOUSE_MANAGER: url }
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args], { env, encoding: 'buffer', maxBuffer: 1e8 })
  return stdout
}
/** What it writes where a person looks. */
async function typescript(...args: string[]): Promise<string> {
  const command = [process.execPath, PROGRAM, ...args].join(' ')
  const env = { ...clean, FRAMEHOUSE_MANAGER: url, NO_COLOR: '1' }
  const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], { env, maxBuffer: 1e8 })
  return stdout
}
const lines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
const echo = (message: string, seconds = 0): string[] => [
  'echo-sleep-test',
  '--set',
  `message=${message}`,
  '--set',
  `sleep_duration_seconds=${seconds}`,
]
const idOf = (value: unknown): string => (value as { id: string }).id

describe('submit --watch', () => {
  it('runs a job on the worker and ends with status 0', async () => {
    const { code, err } = await cli('submit', ...echo('hello'), '--name', 'greeting', '--watch')
    expect(code).toBe(0)
    expect(err).toContain('Submitted "greeting" (2 tasks)')
    expect(err).toContain('greeting: completed')
  })

  it('renders frames to disk and prints their folder', async () => {
    const output = join(folder, 'frames')
    const sizes = ['--set', 'frames=1-3', '--set', 'width=32', '--set', 'height=18', '--set', 'samples=1']
    const { code, out } = await cli('submit', 'demo-render', ...sizes, '--set', `output_dir=${output}`, '--watch')
    expect(code).toBe(0)
    expect(out).toBe(`${output}\n`)
    const names = ['frame-0001.png', 'frame-0002.png', 'frame-0003.png']
    expect(await readdir(output)).toEqual(names)
    expect((await cli('frames', 'last')).out).toBe(names.map((name) => `${join(output, name)}\n`).join(''))
  })

  it('prints the warnings of a job that completed with some; with --strict it ends with 9', async () => {
    const output = join(folder, 'frames')
    const sizes = ['--set', 'frames=1-3', '--set', 'width=32', '--set', 'height=18', '--set', 'samples=1']
    const again = ['submit', 'demo-render', ...sizes, '--set', `output_dir=${output}`, '--keep-whole-frames', '--watch']
    const plain = await cli(...again)
    expect(plain.code, plain.err).toBe(0)
    expect(plain.err).toMatch(/completed with \d+ warnings?/)
    expect(plain.err).toMatch(/^Warning: existing frames were kept \(3 times/m)
    const strict = await cli(...again, '--strict')
    expect(strict.code, strict.err).toBe(9)
    expect(strict.err).toContain('Warning: existing frames were kept')
    expect((await cli('submit', ...echo('no warnings'), '--watch', '--strict')).code).toBe(0)
  })

  it('with --json prints the job whenever it changed, and last as it ended', async () => {
    const { code, out, err } = await cli('submit', ...echo('x', 1), '--watch', '--json')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const states = lines(out)
    expect(states.at(-1)).toMatchObject({ status: 'completed', counts: { completed: 2 } })
    expect(states.length).toBeGreaterThan(1)
  })

  it('ends with status 1 and the reason when the job fails', async () => {
    const { code, err } = await cli('submit', 'command-per-frame', '--set', 'command=sh -c "exit 7"', '--set', 'frames=1', '--watch')
    expect(code).toBe(1)
    expect(err).toMatch(/failed/)
    expect(err).toMatch(/code 7/)
    expect(err).toMatch(/framehouse logs 00000001-/)
  })

  it('ends with status 8 when the job is canceled', async () => {
    const watching = Program.start(['submit', ...echo('x', 300), '--watch', '--manager', url])
    const [, id = ''] = await watching.prints(/: ([0-9a-f-]{36})\n/, 'err')
    expect((await cli('cancel', id)).code).toBe(0)
    expect((await watching.ended).code).toBe(8)
  })

  it('says why a job waits', async () => {
    const watching = Program.start(['submit', ...echo('x'), '--start-after', '2099-01-01', '--watch', '--manager', url])
    await watching.prints(/waiting: .*may not start before 2099/, 'err')
    expect((await watching.stop('SIGINT')).code).toBe(130)
    await json('delete', 'last')
  })

  it('leaves the job alone when the watching is interrupted', async () => {
    const watching = Program.start(['submit', ...echo('x'), '--paused', '--watch', '--manager', url])
    const [, id = ''] = await watching.prints(/: ([0-9a-f-]{36})\n/, 'err')
    expect((await watching.stop('SIGINT')).code).toBe(130)
    expect(await json('job', id)).toMatchObject({ status: 'paused' })
    await json('delete', id)
  })
})

describe('looking', () => {
  it('lists jobs as a table, and as JSON', async () => {
    const { out } = await cli('jobs', '--search', 'greeting')
    expect(out).toMatch(/^ID +STATUS +NAME.*\n[0-9a-f]{8} +completed +greeting +echo-sleep-test +2 \/ 2 \(100 %\)/)
    expect(await json('jobs', '--search', 'greeting', '--status', 'completed')).toMatchObject([{ name: 'greeting' }])
    expect(await json('jobs', '--search', 'no such job')).toEqual([])
  })

  it('shows a job by the beginning of its id, with its tasks', async () => {
    const [job] = (await json('jobs', '--search', 'greeting')) as [{ id: string }]
    expect(await json('job', job.id.slice(0, 8))).toMatchObject({ id: job.id, tasks: [{ name: 'echo' }, { name: 'sleep' }] })
    const { out } = await cli('job', job.id.slice(0, 8))
    expect(out).toMatch(/Status +completed/)
    expect(out).toMatch(/00000001-[0-9a-f-]+ +completed +echo +anna/)
  })

  it('prints the log of a task, plain and as documents', async () => {
    const [job] = (await json('jobs', '--search', 'greeting')) as [{ id: string }]
    const { tasks } = (await json('job', job.id)) as { tasks: { id: string }[] }
    const task = tasks[0]?.id ?? ''
    expect((await cli('logs', task)).out).toMatch(/hello/)
    const { out } = await cli('logs', task, '--json')
    expect(lines(out)).toContainEqual(expect.objectContaining({ line: expect.any(Number), text: expect.stringContaining('hello') }))
  })

  it('follows a log until the attempt ends', async () => {
    const script = 'i=0; while [ $i -lt 5 ]; do echo line-$i; i=$((i+1)); sleep 0.2; done'
    const job = idOf(await json('submit', 'command-per-frame', '--set', `command=sh -c '${script}'`, '--set', 'frames=1'))
    const { tasks } = (await json('job', job)) as { tasks: { id: string }[] }
    const { code, out } = await cli('logs', tasks[0]?.id ?? '', '--follow')
    expect(code).toBe(0)
    expect(out.match(/^.*line-\d$/gm)?.length).toBe(5)
    expect(await json('job', job)).toMatchObject({ status: 'completed' })
  })

  it('gives a pipe the bytes that a program wrote, and shows a person none that a terminal obeys', async () => {
    const script = join(folder, 'hostile.sh')
    await writeFile(script, `${hostileInShell()}\n`)
    const job = idOf(await json('submit', 'command-per-frame', '--set', `command=sh ${script}`, '--set', 'frames=1'))
    const { tasks } = (await json('job', job)) as { tasks: { id: string }[] }
    const task = tasks[0]?.id ?? ''
    const followed = await bytesOf('logs', task, '--follow')
    const plain = await bytesOf('logs', task)
    const download = Buffer.from(await (await fetch(`${url}/api/v1/tasks/${task}/attempts/1/log?download=true`)).arrayBuffer())
    // Our process id stands before each line.
    const written = Buffer.from(download.toString('latin1').replace(/^pid=\d+ > /gm, ''), 'latin1')
    expect(differenceIn(written, HOSTILE)).toBeUndefined()
    expect(differenceOf(plain, download)).toBeUndefined()
    expect(differenceOf(followed, download)).toBeUndefined()
    const seen = (await typescript('logs', task)).replace(/\r+\n/g, '\n')
    expect(seen).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/)
    expect(seen).toContain('\u241b]0;title\u2407')
  })

  it('ends a task at the limit of its log, says why, and requeues it with a higher one', async () => {
    const loud = ['command-per-frame', '--set', 'command=seq 100000', '--set', 'frames=1', '--max-log', '20kB']
    const { code, err } = await cli('submit', ...loud, '--name', 'loud', '--watch')
    expect(code).toBe(1)
    expect(err).toContain('its log reached the limit of 20 kB')
    const [job] = (await json('jobs', '--search', 'loud')) as [{ id: string }]
    const shown = (await json('job', job.id)) as { policy: unknown; tasks: { id: string }[] }
    expect(shown).toMatchObject({ status: 'failed', policy: { maxLogBytes: 20_000 } })
    const task = shown.tasks[0]?.id ?? ''
    expect((await cli('explain', task)).out).toContain('requeue the task with a higher limit')
    const before = (await cli('logs', task)).out
    expect(before).toMatch(/^pid=\d+ > 1000$/m)
    expect(before.length).toBeLessThan(21_000)
    await json('requeue', task, '--max-log', '10MB')
    await expect.poll(() => json('job', job.id), { timeout: 30_000 }).toMatchObject({ status: 'completed' })
    const wrong = await cli('submit', ...loud.slice(0, -1), '20 potatoes')
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('--max-log must be a size like 500 (bytes), 64kB, 100MB or 2GiB')])
  })

  it('lists workers and job types', async () => {
    expect(await json('workers')).toMatchObject([{ name: 'anna', status: 'awake', capacity: 2, approved: true }])
    expect((await cli('job-types')).out).toMatch(/simple-blender-render/)
    expect((await cli('job-types', 'demo-render')).out).toMatch(/frames +string +\(required\)|frames +string/)
  })

  it('completes job types and workers from the manager', async () => {
    // A shell does not wait: completion gives up after a moment, so on a busy machine it may take more than one try.
    await expect.poll(async () => (await cli('__complete', 'submit', 'echo')).out, { timeout: 30_000 }).toBe('echo-sleep-test\n')
    await expect.poll(async () => (await cli('__complete', 'workers', 'approve', '')).out, { timeout: 30_000 }).toBe('anna\n')
  })
})

describe('acting', () => {
  it('pauses, resumes, requeues, deletes and brings back', async () => {
    const id = idOf(await json('submit', ...echo('x'), '--paused'))
    expect(await json('resume', id)).toMatchObject({ id })
    await expect.poll(() => json('job', id), { timeout: 20_000 }).toMatchObject({ status: 'completed' })
    expect(await json('requeue', id)).toMatchObject({ id })
    await expect.poll(() => json('job', id), { timeout: 20_000 }).toMatchObject({ status: 'completed' })
    await json('delete', id)
    expect(await json('jobs', '--status', 'completed')).not.toContainEqual(expect.objectContaining({ id }))
    expect(await json('jobs', '--deleted')).toContainEqual(expect.objectContaining({ id }))
    expect((await cli('job', id)).out).toMatch(/^Deleted .*undelete/m)
    expect(await json('undelete', id.slice(0, 8))).toMatchObject({ id, deletedAt: null })
    expect(await json('jobs', '--deleted')).not.toContainEqual(expect.objectContaining({ id }))
  })

  it('sends a worker to sleep and wakes it', async () => {
    const status = async () => ((await json('workers')) as [{ status: string }])[0].status
    expect(await json('workers', 'sleep', 'anna')).toMatchObject([{ name: 'anna' }])
    await expect.poll(status, { timeout: 20_000 }).toBe('asleep')
    await json('workers', 'wake', 'anna')
    await expect.poll(status, { timeout: 20_000 }).toBe('awake')
  })

  it('submits nothing with --check', async () => {
    const before = (await json('jobs')) as unknown[]
    expect(await json('submit', 'demo-render', '--set', 'frames=1-8', '--set', 'chunk_size=4', '--check')).toMatchObject({ taskCount: 2 })
    expect(((await json('jobs')) as unknown[]).length).toBe(before.length)
  })

  it('makes, lists and revokes tokens', async () => {
    const created = (await json('tokens', 'create', 'ci', '--scope', 'submit')) as { secret: string }
    expect(await json('tokens', 'list')).toMatchObject([{ name: 'ci', kind: 'token', role: 'artist', scopes: ['submit'] }])
    expect((await cli('jobs', '--token', created.secret)).code).toBe(0)
    await json('tokens', 'revoke', 'ci')
    expect((await cli('jobs', '--token', created.secret)).code).toBe(5)
  })
})

describe('exit codes', () => {
  const unknownId = '00000000-0000-4000-8000-000000000000'
  it.each([
    { args: ['jobs', '--nonsense'], code: 2, says: /no option --nonsense/ },
    { args: ['jobs', '--manager', 'http://127.0.0.1:1'], code: 3, says: /no manager answers/ },
    { args: ['job', unknownId], code: 4, says: /not found/ },
    { args: ['cancel', unknownId], code: 4, says: /no job or task/ },
    { args: ['logs', 'last'], code: 2, says: /"last" is not a task id/ },
    { args: ['explain', 'abcd'], code: 2, says: /"abcd" is not a task id/ },
    { args: ['skip', 'abcd'], code: 2, says: /"abcd" is not a task id/ },
    { args: ['workers', 'sleep', 'missing'], code: 4, says: /no worker named "missing"/ },
    { args: ['tokens', 'revoke', 'missing'], code: 4, says: /no token named "missing"/ },
    { args: ['logs', unknownId], code: 4, says: /not found/ },
    { args: ['submit', 'ecko-sleep-test'], code: 4, says: /Did you mean "echo-sleep-test"/ },
    { args: ['jobs', '--token', 'wrong'], code: 5, says: /token/ },
    { args: ['submit', 'echo-sleep-test', '--set', 'mesage=x'], code: 7, says: /Did you mean "message"/ },
    { args: ['submit', 'demo-render', '--set', 'chunk_size=0'], code: 7, says: /chunk_size/ },
    { args: ['submit', 'demo-render', '--set', 'chunk_size=x'], code: 7, says: /chunk_size must be a whole number/ },
  ])('$code for $args', async ({ args, code, says }) => {
    const end = await cli(...args)
    expect(end.err).toMatch(says)
    expect(end.code).toBe(code)
    const asJson = await cli(...args, '--json')
    expect(asJson.out).toBe('')
    expect(JSON.parse(asJson.err)).toMatchObject({ error: { exitCode: code, message: expect.stringMatching(says) } })
  })

  it('6 for what the state of a job does not allow', async () => {
    const id = idOf(((await json('jobs', '--search', 'greeting')) as unknown[])[0])
    expect((await cli('resume', id)).code).toBe(6)
  })
})

describe('backup', () => {
  it('of a running manager can be started from', async () => {
    const copy = join(folder, 'copy')
    expect(await json('backup', '--data', join(folder, 'manager'), copy)).toMatchObject({ to: copy, files: expect.any(Number) })
    expect((await cli('backup', '--data', join(folder, 'manager'), copy)).code).toBe(2)
    const restored = Program.start(['manager', '--data', copy, '--listen', '127.0.0.1:0', '--trust-loopback'])
    const [there = ''] = await restored.prints(/http:\S+/)
    const found = await framehouse(['jobs', '--search', 'greeting', '--json', '--manager', there])
    const [job] = JSON.parse(found.out)
    const log = await framehouse(['logs', `00000001-${job.id.slice(9)}`, '--manager', there])
    expect(log.out).toMatch(/hello/)
    expect((await restored.stop()).code).toBe(0)
  })

  it('refuses a folder that is none of a manager', async () => {
    const end = await cli('backup', '--data', join(folder, 'worker'), join(folder, 'elsewhere'))
    expect(end).toMatchObject({ code: 1, err: expect.stringMatching(/not a manager's data folder/) })
  })
})

it('refuses a second manager on the same data folder', async () => {
  const second = await framehouse(['manager', '--data', join(folder, 'manager'), '--listen', '127.0.0.1:0'])
  expect(second).toMatchObject({ code: 1, err: expect.stringMatching(/in use by another manager/) })
})

it('refuses a port that is taken', async () => {
  const second = await framehouse(['manager', '--data', join(folder, 'other'), '--listen', new URL(url).host])
  expect(second).toMatchObject({ code: 1, err: expect.stringMatching(/is in use by another program/) })
})

it('a job’s tag may be given by its name', async () => {
  const made = await fetch(`${url}/api/v1/tags`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'gpu farm' }),
  })
  const { id } = (await made.json()) as { id: string }
  const job = ['submit', 'echo-sleep-test', '--set', 'message=x', '--paused']
  expect(await json(...job, '--tag', 'gpu farm')).toMatchObject({ tag: { id } })
  expect(await json(...job, '--tag', id)).toMatchObject({ tag: { id } })
  expect(await cli(...job, '--tag', 'cpu farm')).toMatchObject({ code: 4, err: expect.stringMatching(/there is no tag named "cpu farm"/) })
})

it.each([
  ['manager', ['--listen', '127.0.0.1:0']],
  ['worker', ['--manager', 'http://127.0.0.1:9']],
])('%s: a data folder that cannot be made ends it with the reason, instead of being tried for ever', async (command, args) => {
  // Nothing can be made in /proc, which says of it that it does not exist.
  const end = await framehouse([command, ...args, '--data', process.platform === 'linux' ? '/proc/nowhere/farm' : '/dev/null/farm'])
  expect(end).toMatchObject({ code: 1, err: expect.stringMatching(/^framehouse: the data folder \S+ cannot be created: E/m) })
})

it.runIf(process.platform === 'linux')('the message about a data folder that cannot be written names it', async () => {
  // Not even root writes there.
  const end = await framehouse(['manager', '--listen', '127.0.0.1:0', '--data', '/sys'])
  expect(end).toMatchObject({ code: 1, err: expect.stringMatching(/^framehouse: the data folder \/sys is not writable: [A-Z_]+: /m) })
})

it('refuses to listen by a name that means nothing', async () => {
  const end = await framehouse(['manager', '--data', join(folder, 'other'), '--listen', 'no-such-host.invalid:0'])
  expect(end).toMatchObject({ code: 1, err: expect.stringMatching(/cannot resolve "no-such-host.invalid"/) })
})
