/**
 * The crash test of real workers: programs of their own, which run a command that leaves children behind in every way that a
 * program can. One of them is killed with SIGKILL at a random moment and started again, round after round. No child may outlive
 * that start, no task may run while an earlier run of it still lives, and in the end each is done once.
 */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { CliProcess } from '../support/cliProcess.ts'
import { portToComeBackTo } from '../support/ports.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { brokenInvariants } from './invariants.ts'

export interface WorkerCrashOptions {
  rounds: number
  random(): number
  say(line: string): void
}

export interface WorkerCrashResult {
  kills: number
  tasks: number
  /** Runs that were cut off. */
  cutOff: number
  problems: string[]
}

const NAMES = ['anna', 'bela']
const TASKS_PER_ROUND = 4
const PATIENCE_MS = 120_000

/**
 * What each task runs. The lock is held by the program and by everything that it leaves behind: a run that cannot get it
 * has found an earlier run of the same task alive. None of the children knows when the program ends.
 */
const PROGRAM = `#!/bin/bash
exec 9>"$1/lock-$FRAMEHOUSE_TASK_ID"
flock -n 9 || echo "$FRAMEHOUSE_TASK_ID" >>"$1/overlaps"
echo "$FRAMEHOUSE_ATTEMPT" >>"$1/begun-$FRAMEHOUSE_TASK_ID"
sleep 600 & CHILD=$!
(bash -c 'sleep 600; true' &) # its parent is gone
setsid bash -c 'sleep 600; true' & # a session of its own
SESSION=$!
sleep "$((RANDOM % 4)).$((RANDOM % 9 + 1))"
kill $CHILD
# A program that ends well ends what it put into a session of its own; the rest is the worker's business.
kill -- -$SESSION
echo "$FRAMEHOUSE_ATTEMPT" >>"$1/done-$FRAMEHOUSE_TASK_ID"
`

const SCRIPT = `
const JOB_TYPE = { label: 'Crash', settings: [{ key: 'program', type: 'string' }, { key: 'folder', type: 'string' }, { key: 'tasks', type: 'int32' }] }
function compileJob(job) {
  const { program, folder, tasks } = job.settings
  for (let index = 0; index < tasks; index++) {
    const task = author.Task('crash ' + index, 'misc')
    task.addCommand(author.Command('exec', { exe: program, args: [folder] }))
    job.addTask(task)
  }
}
`

export async function workerCrashRounds({ rounds, random, say }: WorkerCrashOptions): Promise<WorkerCrashResult> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-worker-crash-'))
  const [dataDir, marks, program] = [join(folder, 'manager'), join(folder, 'marks'), join(folder, 'leaves-children.sh')]
  await Promise.all([mkdir(join(dataDir, 'scripts'), { recursive: true }), mkdir(marks), writeFile(program, PROGRAM, { mode: 0o755 })])
  await writeFile(join(dataDir, 'scripts', 'crash.js'), SCRIPT)
  const token = basename(folder)
  let manager = await ManagerProcess.start({ dataDir, port: await portToComeBackTo() })
  const { port } = manager
  const startWorker = (name: string): CliProcess =>
    CliProcess.start(
      'worker',
      '--manager',
      `http://127.0.0.1:${port}`,
      '--data',
      join(folder, name),
      '--name',
      `${token}-${name}`,
      '--slots',
      '2',
    )
  const workers = new Map(NAMES.map((name) => [name, startWorker(name)]))
  const submitted: string[] = []
  const result: WorkerCrashResult = { kills: 0, tasks: 0, cutOff: 0, problems: [] }
  try {
    for (let round = 1; round <= rounds && result.problems.length === 0; round++) {
      submitted.push(await submit(manager, { program, folder: marks, tasks: TASKS_PER_ROUND }))
      // Killed by what was begun, not by the clock, and a moment later.
      const begun = async () => (await readdir(marks)).filter((name) => name.startsWith('begun-')).length
      const wanted = (await begun()) + 1 + Math.floor(random() * 3)
      await until(async () => (await begun()) >= wanted || (await completed(manager, submitted)), 'a task to begin')
      await new Promise((resolve) => setTimeout(resolve, random() * 400))
      const name = NAMES[Math.floor(random() * NAMES.length)] ?? 'anna'
      await workers.get(name)?.end('SIGKILL')
      // Now and then both go at once, the manager first or last.
      if (random() < 0.25) {
        await manager.kill()
        manager = await ManagerProcess.start({ dataDir, port })
      }
      workers.set(name, startWorker(name))
      result.kills++
      if (round % 5 === 0) say(`${round} workers killed, ${await begun()} tasks begun`)
    }
    await until(() => completed(manager, submitted), 'all jobs to be completed')
    await Promise.all([...workers.values()].map((worker) => worker.end('SIGTERM')))
    await manager.stop(true)
    result.tasks = submitted.length * TASKS_PER_ROUND
    result.problems.push(...(await brokenInvariants(dataDir, [], submitted, true)))
    result.problems.push(...(await traces(marks, result)))
    result.problems.push(...(await livingTasks(token)).map(({ pid, command }) => `process ${pid} was left behind: ${command}`))
  } catch (error) {
    result.problems.push(error instanceof Error ? error.message : String(error))
  } finally {
    if (result.problems.length > 0) for (const [name, { output }] of workers) say(`${name}:\n${output.slice(-5000)}`)
    await Promise.all([...workers.values()].map((worker) => worker.end('SIGKILL')))
    if (manager.child.exitCode === null && manager.child.signalCode === null) await manager.kill()
    for (const { pid } of await livingTasks(token)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
  return result
}

/** What the program wrote down: runs of one task that met, and ends that are not exactly one. */
async function traces(marks: string, result: WorkerCrashResult): Promise<string[]> {
  const problems: string[] = []
  const names = await readdir(marks)
  if (names.includes('overlaps')) problems.push(`tasks that ran twice at once: ${await readFile(join(marks, 'overlaps'), 'utf8')}`)
  for (const name of names.filter((each) => each.startsWith('begun-'))) {
    const begun = (await readFile(join(marks, name), 'utf8')).split('\n').filter(Boolean)
    const done = (await readFile(join(marks, name.replace('begun', 'done')), 'utf8').catch(() => '')).split('\n').filter(Boolean)
    result.cutOff += begun.length - done.length
    // The last run is the one that counts; an earlier one may have got to its end just before its worker was killed.
    if (done.at(-1) !== begun.at(-1)) problems.push(`${name}: begun ${begun.join(' ')}, done ${done.join(' ')}`)
  }
  return problems
}

/** Processes of tasks of these workers: after their end there must be none. */
async function livingTasks(token: string): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (!environment.includes(`FRAMEHOUSE_WORKER=${token}`)) continue
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    found.push({ pid: Number(pid), command: command.replaceAll('\0', ' ') })
  }
  return found
}

async function completed(manager: ManagerProcess, submitted: readonly string[]): Promise<boolean> {
  for (const id of submitted.slice(-5)) {
    if ((await manager.json<{ status: string }>('GET', `/api/v1/jobs/${id}`)).status !== 'completed') return false
  }
  return true
}

async function until(check: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function submit(manager: ManagerProcess, settings: Record<string, unknown>): Promise<string> {
  const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', { name: 'crash', type: 'crash', settings })
  return id
}
