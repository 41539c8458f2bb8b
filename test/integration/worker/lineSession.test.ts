/** `run-frames` with an application that stays open: a small renderer of our own that takes a line for each frame. */
import { existsSync } from 'node:fs'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { WarmAppPool } from '../../../src/main/worker/apps/warmAppPool.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder, until } from '../../support/commandContext.ts'
import { bytesOfStream, differenceOf, HOSTILE, HOSTILE_IN_NODE } from '../../support/hostile.ts'
import { RecordingLogger } from '../../support/workerParts.ts'

/** Writes a file for each line `render PATH`; alone, with a path as its argument, it writes that and ends. */
const RENDERER = `
const { writeFileSync, writeSync } = require('node:fs')
const HOSTILE = ${HOSTILE_IN_NODE}
const [path] = process.argv.slice(2)
if (path) { writeFileSync(path, 'fresh'); process.exit(0) }
console.log('Renderer 1.0')
console.log('READY')
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, target] = line.split(' ')
  if (word === 'quit') { console.log('bye'); process.exit(0) }
  if (target.includes('0013')) return console.log('ERROR: unlucky')
  if (target.includes('0666')) process.exit(3)
  if (target.includes('0999')) return
  if (target.includes('770')) {
    writeSync(2, HOSTILE)
    writeSync(1, HOSTILE)
    writeSync(1, '\\n')
  }
  if (!target.includes('0404')) writeFileSync(target, 'warm')
  console.log('done ' + target)
  console.log('READY')
})
`
const outOf = ({ outputs }: RecordedContext): string => dirname(outputs[0]?.path ?? '')
const registry = createCommandRegistry({ programs: {} })

async function setUp(hangMs = 60_000) {
  const folder = await tempFolder()
  const script = join(folder, 'renderer.cjs')
  await writeFile(script, RENDERER)
  const limits = { idleMs: 60_000, maxFrames: 1000, maxMemoryBytes: 1e12, hangMs }
  const pool = new WarmAppPool({ slots: 1, limits, workRoot: await tempFolder(), log: new RecordingLogger(), now: Date.now })
  onTestFinished(() => pool.end())
  const render = async (frames: string, context?: RecordedContext): Promise<RecordedContext> => {
    const used = context ?? (await recordedContext({ sessions: pool }))
    const out = join(folder, 'out', '{frame:04}.txt')
    const session = {
      open: [process.execPath, script],
      ready: 'READY',
      frame: `render ${out}`,
      failed: 'ERROR',
      close: 'quit',
    }
    const parameters = { exe: process.execPath, args: [script, out], frames, outputPattern: out, session }
    const leave = pool.enter(used.task.jobId)
    await registry
      .find('run-frames')?.(commandOf('run-frames', parameters, 1), used)
      .finally(leave)
    return used
  }
  const written = async () => {
    const names = (await readdir(join(folder, 'out'))).toSorted()
    return Promise.all(names.map(async (name) => `${name} ${await readFile(join(folder, 'out', name), 'utf8')}`))
  }
  return { pool, render, written }
}

describe('a renderer that takes a line for each frame', () => {
  it('is opened once for the tasks of a job, and closed with its last line', async () => {
    const { pool, render, written } = await setUp()
    const one = await render('1-2')
    const two = await render('3')
    expect(one.pids.started).toHaveLength(1)
    expect(two.pids.started).toEqual([])
    expect(await written()).toEqual(['0001.txt warm', '0002.txt warm', '0003.txt warm'])
    expect([one.steps, two.steps]).toEqual([2, 1])
    expect(two.outputs).toMatchObject([{ frame: 3, bytes: 4 }])
    expect(two.text).toContain('0003.txt')
    expect(two.text).not.toContain('0002.txt')
    expect(pool.news()).toMatchObject([{ state: 'idle', tasks: 2, frames: 3 }])
    await pool.end()
    expect(existsSync(`/proc/${one.pids.started[0]}`)).toBe(false)
  })

  it('has what it writes kept byte for byte, on both streams, also in the moment before it is ready', async () => {
    const { render } = await setUp()
    await render('1')
    const context = await render('7700-7701')
    const line = Buffer.concat([HOSTILE, Buffer.from('\n')])
    const [out, err] = ['stdout', 'stderr'].map((stream) => bytesOfStream(context.entries, stream))
    const expected = Buffer.concat(['7700', '7701'].flatMap((frame) => [line, Buffer.from(`done ${outOf(context)}/${frame}.txt\nREADY\n`)]))
    expect(differenceOf(out!, expected)).toBeUndefined()
    // A line that one frame began the next one goes on with.
    expect(differenceOf(err!, Buffer.concat([HOSTILE, HOSTILE, Buffer.from('\n')]))).toBeUndefined()
  })

  it.each([
    ['says that a frame failed', '12-14', /it reported that the frame failed: ERROR: unlucky/],
    ['ends in the middle of a task', '665-667', /it ended: exit code 3/],
    ['says that it is ready without a file', '403-405', /it did not write ".*0404.txt"/],
  ])('has its task run again in fresh processes when it %s', async (_, frames, reason) => {
    const { render, written } = await setUp()
    const context = await render(frames)
    expect(context.text).toMatch(reason)
    expect(context.steps).toBe(3)
    expect((await written()).map((line) => line.slice(9))).toEqual(['fresh', 'fresh', 'fresh'])
  })

  it('is ended when it hangs', async () => {
    const { render, written } = await setUp(1_500)
    const context = await render('999')
    expect(context.text).toMatch(/it hung: no output and no processor time/)
    expect(await written()).toEqual(['0999.txt fresh'])
  })

  it('is ended when its task is cancelled', async () => {
    const { render } = await setUp()
    const first = await render('1')
    const context = await recordedContext()
    const used = { ...context, sessions: first.sessions }
    const running = render('999', used)
    await until(() => context.activities.length > 0, 'it has begun')
    context.stop('enough')
    await expect(running).rejects.toThrow('enough')
    await until(() => !existsSync(`/proc/${first.pids.started[0]}`), 'it is gone')
  })
})
