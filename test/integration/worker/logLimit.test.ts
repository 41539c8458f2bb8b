/** Programs that write without end, with a limit of their log: all that they started is ended, and the log up to the limit is whole. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AttemptRun, type AttemptEnd, type AttemptSink } from '../../../src/main/worker/attempt/attempt.ts'
import type { Command, ProcessLedger } from '../../../src/main/worker/contract/commands.ts'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { WarmAppPool } from '../../../src/main/worker/apps/warmAppPool.ts'
import { commandOf, tempFolder, until } from '../../support/commandContext.ts'
import { bytesOfStream, differenceOf, HOSTILE, HOSTILE_IN_NODE } from '../../support/hostile.ts'
import { hostileBlend } from '../../support/hostileBlend.ts'
import { requirePart } from '../../support/parts.ts'
import { isAlive } from '../../support/processes.ts'
import { RecordingLogger } from '../../support/workerParts.ts'

const LIMIT = 300_000
const blender = requirePart('blender')

/** Runs one command as an attempt. */
async function attempt(command: Command, sessions?: WarmAppPool) {
  const entries: { stream: string; text: string }[] = []
  const pids: number[] = []
  const processes: ProcessLedger = { starting: () => undefined, started: (_cookie, pid) => void pids.push(pid), ended: () => undefined }
  const sink: AttemptSink = {
    started: () => undefined,
    log: (stream, text) => void entries.push({ stream, text }),
    congested: () => undefined,
    progress: () => undefined,
    activity: () => undefined,
    output: () => undefined,
    warning: () => undefined,
    inputs: () => undefined,
    handOver: () => undefined,
    settled: () => Promise.resolve(),
    finished: () => undefined,
  }
  const task = { taskId: 't', attempt: 1, jobId: 'j', jobName: 'Job', jobType: 'x', taskName: 'Task', kind: 'misc' }
  const run = new AttemptRun({ task, commands: [command], maxRunMs: 0, maxSilenceMs: 0, maxLogBytes: LIMIT }, sink, {
    registry: createCommandRegistry({ programs: {} }),
    processes,
    tools: { programs: {} },
    limits: { nice: 0, oomScoreAdjust: null },
    sessions,
    workRoot: await tempFolder(),
    workerName: 'w',
    log: new RecordingLogger(),
    now: Date.now,
  })
  const end: AttemptEnd = await run.done
  const bytes = entries.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  return { end, entries, pids, bytes }
}

const REACHED = { outcome: 'log-limit', exitCode: null, reason: 'its log reached the limit of 300 kB' }

describe('a program that writes without end', () => {
  it('is ended with what it started, however it minds signals, and its log up to the limit is whole', async () => {
    const folder = await tempFolder()
    const child = join(folder, 'child.pid')
    const code = `
      const { spawn } = require('node:child_process')
      process.on('SIGTERM', () => {})
      const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], { stdio: 'inherit' })
      require('node:fs').writeFileSync(${JSON.stringify(child)}, String(child.pid))
      const bytes = Buffer.concat([${HOSTILE_IN_NODE}, Buffer.from('\\n')])
      const write = () => { while (process.stdout.write(bytes)); process.stdout.once('drain', write) }
      write()`
    const { end, entries, pids, bytes } = await attempt(commandOf('exec', { exe: process.execPath, args: ['-e', code] }))
    expect(end).toMatchObject(REACHED)
    expect(bytes).toBeLessThan(LIMIT + 1_000)
    const written = bytesOfStream(entries, 'stdout')
    const whole = Buffer.concat(Array.from({ length: 4 }, () => [HOSTILE, Buffer.from('\n')]).flat())
    expect(written.length).toBeGreaterThan(LIMIT - 20_000)
    expect(differenceOf(written, whole.subarray(0, written.length))).toBeUndefined()
    expect(entries.at(-1)).toEqual({
      stream: 'farm',
      text: 'The task is ended: its log reached the limit of 300 kB. What it writes from here on is not kept.\n',
    })
    const left = [...pids, Number(readFileSync(child, 'utf8'))]
    await until(() => left.every((pid) => !isAlive(pid)), 'all of it is gone')
  })
})

blender.describe('an open Blender whose scene writes without end', () => {
  it('is ended, and the task is not run again in a process of its own', async () => {
    const blend = await hostileBlend(blender.path, await tempFolder(), true)
    const limits = { idleMs: 60_000, maxFrames: 1000, maxMemoryBytes: 1e12, hangMs: 60_000 }
    const pool = new WarmAppPool({ slots: 1, limits, workRoot: await tempFolder(), log: new RecordingLogger(), now: Date.now })
    onTestFinished(() => pool.end())
    const output = join(await tempFolder(), 'f-####')
    const args = ['--render-output', output, '--render-format', 'PNG', '--render-frame', '1..20']
    const parameters = { exe: 'blender', exeArgs: '-b -y', argsBefore: [], blendfile: blend, args }
    const { end, entries, pids, bytes } = await attempt(commandOf('blender-render', parameters, 20), pool)
    expect(end).toMatchObject(REACHED)
    expect(bytes).toBeLessThan(LIMIT + 1_000)
    expect(bytesOfStream(entries, 'stdout').includes(HOSTILE)).toBe(true)
    expect(pids).toHaveLength(1)
    await until(() => !isAlive(pids[0] ?? 0), 'it is gone')
    expect(pool.news()).toMatchObject([{ state: 'closed' }])
  })
})
