/** Real processes: output, ends, limits, and that nothing survives a cancelled task. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { CouldNotStartError, ExitCodeError, StoppedError } from '../../../src/main/worker/contract/commands.ts'
import { runProgram, runToSuccess } from '../../../src/main/worker/tools/process/process.ts'
import { killGroupOf, killTree, startMark } from '../../../src/main/worker/tools/process/processTree.ts'
import { recordedContext, tempFolder, until } from '../../support/commandContext.ts'
import { bytesOfStream, differenceOf, HOSTILE, WRITES_HOSTILE } from '../../support/hostile.ts'
import { isAlive } from '../../support/processes.ts'

const node = process.execPath
const posix = process.platform === 'win32' ? describe.skip : describe
const linux = process.platform === 'linux' ? describe : describe.skip

/** A program of a few lines of JavaScript. */
function script(code: string) {
  return { exe: node, args: ['-e', code] }
}

describe('runProgram', () => {
  it('writes what it runs, then every line of both streams with the process id', async () => {
    const context = await recordedContext()
    const lines: string[] = []
    const request = { ...script(`console.log('eins\\nzwei'); console.error('drei')`), onLine: (line: string) => void lines.push(line) }
    expect(await runProgram(context, request)).toEqual({ code: 0, signal: null })
    const pid = context.pids.started[0] ?? 0
    expect(context.text).toContain(`going to run:\n\n    ${node} -e 'console.log(`)
    expect(context.text).toContain(`pid=${pid} > eins\npid=${pid} > zwei\n`)
    expect(context.entries.find(({ stream }) => stream === 'stderr')?.text).toBe(`pid=${pid} > drei\n`)
    expect(lines.toSorted()).toEqual(['drei', 'eins', 'zwei'])
    expect(context.pids.ended).toEqual([pid])
  })

  it('runs in the folder of the attempt, with the job environment and without our secrets', async () => {
    process.env['FRAMEHOUSE_TEST_SECRET'] = 'x'
    const context = await recordedContext({ env: { FRAMEHOUSE_JOB_ID: 'abc' } })
    await runProgram(context, { ...script(`console.log(JSON.stringify([process.cwd(), process.env]))`), env: { EXTRA: '1' } })
    delete process.env['FRAMEHOUSE_TEST_SECRET']
    const [cwd, env] = JSON.parse(context.text.split(' > ').at(-1) ?? '') as [string, Record<string, string>]
    expect(cwd).toBe(await context.workDir())
    expect(env).toMatchObject({ FRAMEHOUSE_JOB_ID: 'abc', EXTRA: '1' })
    expect(env).not.toHaveProperty('FRAMEHOUSE_TEST_SECRET')
  })

  it('loses no line and keeps their order when a program writes faster than the log takes it', async () => {
    const context = await recordedContext()
    let open = 0
    // Every log call fills the log until a moment later.
    context.congested = () => {
      open += 1
      return new Promise((resolve) => setImmediate(resolve))
    }
    const lines: string[] = []
    await runProgram(context, {
      ...script(`for (let i = 0; i < 100000; i++) process.stdout.write('line ' + i + ' éé\\n')`),
      onLine: (line) => void lines.push(line),
    })
    expect(open).toBeGreaterThan(10)
    expect(lines.length).toBe(100_000)
    expect(lines.every((line, index) => line === `line ${index} éé`)).toBe(true)
    expect(context.text.split('\n').filter((line) => line.includes(' > line ')).length).toBe(100_000)
  })

  it('keeps what a program writes byte for byte, and ends its last line', async () => {
    const context = await recordedContext()
    await runProgram(context, script(WRITES_HOSTILE))
    expect(differenceOf(bytesOfStream(context.entries, 'stdout'), Buffer.concat([HOSTILE, Buffer.from('\n')]))).toBeUndefined()
  })

  it('tells how a program ended', async () => {
    const context = await recordedContext()
    expect(await runProgram(context, script('process.exit(3)'))).toEqual({ code: 3, signal: null })
    await expect(runToSuccess(context, script('process.exit(3)'))).rejects.toThrow('command exited abnormally with code 3')
    await expect(runToSuccess(context, script('process.exit(3)'))).rejects.toMatchObject({ outcome: 'exit-code', exitCode: 3 })
  })

  it('says that there is no such program', async () => {
    const context = await recordedContext()
    await expect(runProgram(context, { exe: 'no-such-program-here', args: [] })).rejects.toThrow(CouldNotStartError)
    await expect(runProgram(context, { exe: 'no-such-program-here', args: [] })).rejects.toThrow(
      /could not start "no-such-program-here": no such program/,
    )
  })

  it.each([
    ['arguments that are too long', { exe: node, args: ['x'.repeat(4_000_000)] }, /longer than this system allows/],
    ['a character that no argument can have', { exe: node, args: ['a\0b'] }, /a character that no program can be given/],
    ['a folder', { exe: '/tmp', args: [] }, /not executable/],
    ['no folder to run in', { exe: node, args: [], cwd: '/no/such/folder' }, /no such folder to run it in: "\/no\/such\/folder"/],
  ])('says that it could not start: %s', async (_what, request, message) => {
    const context = await recordedContext()
    await expect(runProgram(context, request)).rejects.toThrow(CouldNotStartError)
    await expect(runProgram(context, request)).rejects.toThrow(message)
    expect(context.pids).toEqual({ started: [], ended: [] })
  })

  it('is over when the task is stopped before it starts', async () => {
    const context = await recordedContext()
    context.stop()
    await expect(runProgram(context, script(''))).rejects.toThrow(StoppedError)
    expect(context.pids.started).toEqual([])
  })
})

posix('ending what runs', () => {
  it('reports the signal that ended a program', async () => {
    const context = await recordedContext()
    await expect(runToSuccess(context, script('process.kill(process.pid, "SIGSEGV")'))).rejects.toThrow(ExitCodeError)
    const terminated = runToSuccess(context, script('process.kill(process.pid, "SIGTERM")'))
    await expect(terminated).rejects.toThrow('command was ended by signal SIGTERM')
  })

  it('lets a program end by itself when it listens to the stop signal', async () => {
    const context = await recordedContext()
    const folder = await tempFolder()
    const running = runProgram(
      context,
      script(`
      process.on('SIGTERM', () => { require('fs').writeFileSync(${JSON.stringify(join(folder, 'bye'))}, 'bye'); process.exit(0) })
      console.log('ready'); setInterval(() => {}, 1000)`),
    )
    await until(() => context.text.includes('> ready'), 'the program is ready')
    context.stop('cancelled by ann')
    await expect(running).rejects.toThrow('cancelled by ann')
    expect(await readFile(join(folder, 'bye'), 'utf8')).toBe('bye')
  })

  it('kills one that does not listen', async () => {
    const context = await recordedContext()
    const running = runProgram(context, script(`process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1000)`))
    await until(() => context.text.includes('> ready'), 'the program is ready')
    context.stop()
    await expect(running).rejects.toThrow(StoppedError)
    expect(isAlive(context.pids.started[0] ?? 0)).toBe(false)
  })

  it('does not wait for ever for a child in the background that holds the output open, and ends it', async () => {
    const context = await recordedContext()
    await runToSuccess(context, { exe: 'sh', args: ['-c', 'sleep 600 & echo "child $!"; exit 0'] })
    const child = Number(/child (\d+)/.exec(context.text)?.[1])
    expect(child).toBeGreaterThan(1)
    await until(() => !isAlive(child), 'the child in the background has ended')
  })
})

linux('ending a whole tree', () => {
  /** Starts a grandchild in a new session whose parent ends at once: neither group nor parents lead to it any more. */
  const DOUBLE_FORK = `
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in (0, 1, 2): os.close(fd)
        open(sys.argv[1], 'w').write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
print('ready', flush=True)
time.sleep(600)
`

  it('finds a child that forked twice and made its own session', async () => {
    const context = await recordedContext()
    const folder = await tempFolder()
    const pidFile = join(folder, 'pid')
    await writeFile(join(folder, 'fork.py'), DOUBLE_FORK)
    const running = runProgram(context, { exe: 'python3', args: [join(folder, 'fork.py'), pidFile] })
    await until(() => context.text.includes('> ready') && existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', 'the tree stands')
    const grandchild = Number(await readFile(pidFile, 'utf8'))
    const root = context.pids.started[0] ?? 0
    expect(isAlive(grandchild)).toBe(true)
    expect(readFileSync(`/proc/${grandchild}/stat`, 'utf8')).not.toContain(` ${root} `)
    context.stop()
    await expect(running).rejects.toThrow(StoppedError)
    expect(isAlive(root)).toBe(false)
    expect(isAlive(grandchild)).toBe(false)
  })

  it('ends what a killed worker left, knowing only the process id', async () => {
    const context = await recordedContext()
    const folder = await tempFolder()
    const pidFile = join(folder, 'pid')
    await writeFile(join(folder, 'fork.py'), DOUBLE_FORK)
    const running = runProgram(context, { exe: 'python3', args: [join(folder, 'fork.py'), pidFile] })
    await until(() => context.text.includes('> ready') && existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', 'the tree stands')
    const root = context.pids.started[0] ?? 0
    const mark = await startMark(root)
    expect(mark).toMatch(/^\d+$/)
    expect(await startMark(root)).toBe(mark)
    await killTree(root)
    expect(isAlive(Number(await readFile(pidFile, 'utf8')))).toBe(false)
    expect(await startMark(root)).toBeUndefined()
    expect(await running).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('ends what is left of a group by its number alone, as macOS needs it, but none with a living leader, or of before a restart', async () => {
    const leader = spawn('sh', ['-c', 'sleep 600 >&- & echo $!; read x'], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
    const pid = leader.pid ?? 0
    const left = Number(String(await once(leader.stdout, 'data')))
    const { stdout: mark } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { ...process.env, LC_ALL: 'C' } })
    expect(await killGroupOf(pid, mark, 'darwin')).toBe(false)
    leader.stdin.end()
    await once(leader, 'exit')
    expect(await killGroupOf(pid, 'Thu Jan  1 00:00:00 2015', 'darwin')).toBe(false)
    expect(await killGroupOf(pid, 'nonsense', 'darwin')).toBe(false)
    expect(await killGroupOf(pid, mark, 'win32')).toBe(false)
    expect(isAlive(left)).toBe(true)
    expect(await killGroupOf(pid, mark, 'darwin')).toBe(true)
    expect(isAlive(left)).toBe(false)
    expect(await killGroupOf(pid, mark, 'darwin')).toBe(false)
  })

  it('leaves alone who is none of its business', async () => {
    await killTree(process.pid)
    await killTree(1)
    await killTree(0)
    expect(isAlive(process.pid)).toBe(true)
  })

  it('runs programs with lower priority, first to go when memory runs out, and tells what they used', async () => {
    const context = await recordedContext()
    const code = `
      const fs = require('fs'), os = require('os')
      const keep = Buffer.alloc(80 * 1024 * 1024, 1)
      const end = Date.now() + 1500
      while (Date.now() < end) keep[Math.floor(Math.random() * keep.length)]++
      console.log('nice', os.getPriority(), 'oom', fs.readFileSync('/proc/self/oom_score_adj', 'utf8').trim())`
    await runToSuccess(context, script(code))
    expect(context.text).toContain('> nice 5 oom 300')
    expect(context.numbers.get('peakMemoryBytes')).toBeGreaterThan(80 * 1024 * 1024)
    expect(context.numbers.get('cpuSeconds')).toBeGreaterThan(0)
  })

  it.skipIf(process.platform !== 'linux')('lowers what a launcher script has started before it could be set', async () => {
    const context = await recordedContext()
    const launcher = '(sleep 1; echo nice $(nice) oom $(cat /proc/self/oom_score_adj)) & wait'
    await runToSuccess(context, { exe: '/bin/sh', args: ['-c', launcher] })
    expect(context.text).toContain('> nice 5 oom 300')
  })
})
