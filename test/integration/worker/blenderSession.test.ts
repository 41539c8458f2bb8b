/** A Blender that stays open, with a real Blender: the same frames as fresh processes, and what happens when it breaks. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, readdir, readFile, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { expect, it, onTestFinished } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import type { WarmAppLimits } from '../../../src/main/worker/contract/commands.ts'
import { WarmAppPool } from '../../../src/main/worker/apps/warmAppPool.ts'
import type { WarmAppReport } from '../../../src/shared/schemas/warmApp.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder, until } from '../../support/commandContext.ts'
import { bytesOfStream, HOSTILE } from '../../support/hostile.ts'
import { hostileBlend } from '../../support/hostileBlend.ts'
import { makeBlend } from '../../support/makeBlend.ts'
import { requirePart } from '../../support/parts.ts'
import { RecordingLogger } from '../../support/workerParts.ts'

const blender = requirePart('blender')
const registry = createCommandRegistry({ programs: {} })
const LIMITS: WarmAppLimits = { idleMs: 60_000, maxFrames: 1000, maxMemoryBytes: 1e12, hangMs: 60_000 }

async function openPool(limits: Partial<WarmAppLimits> = {}, slots = 1): Promise<WarmAppPool> {
  const workRoot = await tempFolder()
  const pool = new WarmAppPool({ slots, limits: { ...LIMITS, ...limits }, workRoot, log: new RecordingLogger(), now: Date.now })
  onTestFinished(() => pool.end())
  return pool
}

const OVERRIDES = ['import bpy', 'render = bpy.context.scene.render', 'render.use_file_extension = True', 'render.use_overwrite = False']

interface Task {
  pool?: WarmAppPool
  blend: string
  output: string
  frames: string
  format?: string
  python?: readonly string[]
  engine?: string
  context?: RecordedContext
}

/** Renders as an attempt does: enters the pool, runs the command, leaves it. */
async function render({
  pool,
  blend,
  output,
  frames,
  format = 'PNG',
  python = OVERRIDES,
  engine,
  context,
}: Task): Promise<RecordedContext> {
  const used = context ?? (await recordedContext({ sessions: pool }))
  const args = [
    '--scene',
    'Scene',
    ...(engine === undefined ? [] : ['-E', engine]),
    '--python-expr',
    python.join('; '),
    '--render-output',
    output,
    '--render-format',
    format,
    '--render-frame',
    frames,
  ]
  const parameters = { exe: 'blender', exeArgs: '-b -y', argsBefore: [], blendfile: blend, args }
  const leave = pool?.enter(used.task.jobId)
  try {
    await registry.find('blender-render')?.(commandOf('blender-render', parameters, 1), used)
  } finally {
    leave?.()
  }
  return used
}

async function pixels(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of (await readdir(folder)).toSorted()) {
    const { data, info } = await sharp(join(folder, name)).raw().toBuffer({ resolveWithObject: true })
    found[name] = `${info.width}x${info.height}x${info.channels} ${createHash('sha256').update(data).digest('hex')}`
  }
  return found
}

const openNews = (pool: WarmAppPool): WarmAppReport[] => pool.news().filter(({ state }) => state !== 'closed')
const closedNews = (pool: WarmAppPool): WarmAppReport[] => pool.news().filter(({ state }) => state === 'closed')
const pidOf = (context: RecordedContext): number => context.pids.started[0] ?? 0
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)

blender.describe('a Blender that stays open', () => {
  it('keeps what it writes byte for byte: while it opens, for each task, and in a process of its own', async () => {
    const folder = await tempFolder()
    const blend = await hostileBlend(blender.path, folder)
    const pool = await openPool()
    const output = join(folder, 'f-####')
    const [first, second] = [await render({ pool, blend, output, frames: '2' }), await render({ pool, blend, output, frames: '3..4' })]
    const fresh = await render({ blend, output: join(folder, 'g-####'), frames: '2' })
    expect([first.pids.started.length, second.pids.started.length, fresh.pids.started.length]).toEqual([1, 0, 1])
    const times = (context: RecordedContext, stream: string): number =>
      bytesOfStream(context.entries, stream).toString('latin1').split(HOSTILE.toString('latin1')).length - 1
    expect([times(first, 'stderr'), times(second, 'stderr'), times(fresh, 'stderr')]).toEqual([1, 0, 1])
    expect([times(first, 'stdout'), times(second, 'stdout')]).toEqual([1, 1])
    expect(second.outputs).toHaveLength(2)
    expect(second.text).not.toMatch(/framehouse-[0-9a-f]{24}/)
  })

  it.each(['CYCLES', 'WORKBENCH'] as const)('renders the same pixels as fresh processes, with one process for all (%s)', async (engine) => {
    const blend = await makeBlend(blender.path, { engine, samples: '4' })
    const [warm, fresh] = [await tempFolder(), await tempFolder()]
    const pool = await openPool()
    const first = await render({ pool, blend, output: join(warm, 'f-####'), frames: '2' })
    const later = [
      await render({ pool, blend, output: join(warm, 'f-####'), frames: '5..6,9' }),
      // Another format and size, and then as before: nothing of one task is left in the next.
      await render({
        pool,
        blend,
        output: join(warm, 'j-####'),
        frames: '3',
        format: 'TIFF',
        python: [...OVERRIDES, 'render.resolution_percentage = 50'],
      }),
      await render({ pool, blend, output: join(warm, 'g-####'), frames: '3' }),
    ]
    await render({ blend, output: join(fresh, 'f-####'), frames: '2' })
    await render({ blend, output: join(fresh, 'f-####'), frames: '5..6,9' })
    await render({
      blend,
      output: join(fresh, 'j-####'),
      frames: '3',
      format: 'TIFF',
      python: [...OVERRIDES, 'render.resolution_percentage = 50'],
    })
    await render({ blend, output: join(fresh, 'g-####'), frames: '3' })
    expect(first.pids.started).toHaveLength(1)
    expect(later.map(({ pids }) => pids.started)).toEqual([[], [], []])
    expect(await pixels(warm)).toEqual(await pixels(fresh))
    expect(Object.keys(await pixels(warm))).toHaveLength(6)
  })

  it('tells log, steps, files, times and use of each task apart', async () => {
    const blend = await makeBlend(blender.path)
    const folder = await tempFolder()
    const pool = await openPool()
    const one = await render({ pool, blend, output: join(folder, 'f-####'), frames: '1' })
    const two = await render({ pool, blend, output: join(folder, 'f-####'), frames: '2..3' })
    expect(one.outputs.map(({ frame }) => frame)).toEqual([1])
    expect(two.outputs.map(({ path, frame }) => ({ path, frame }))).toEqual([
      { path: join(folder, 'f-0002.png'), frame: 2 },
      { path: join(folder, 'f-0003.png'), frame: 3 },
    ])
    for (const { bytes, renderedMs, path } of two.outputs) {
      expect(bytes).toBe((await stat(path)).size)
      expect(renderedMs).toBeGreaterThan(0)
    }
    expect(two.steps).toBe(2)
    expect(two.activities).toContainEqual(expect.stringMatching(/^frame 3, sample \d\/4/))
    expect(two.text).toContain("f-0003.png'")
    expect(two.text).not.toContain('f-0001')
    expect(two.text).not.toMatch(/framehouse-[0-9a-f]{24}/)
    expect(one.text).not.toContain('f-0002')
    expect(two.numbers.get('peakMemoryBytes')).toBeGreaterThan(1e7)
    expect(openNews(pool)).toMatchObject([{ state: 'idle', tasks: 2, frames: 3, kind: 'misc' }])
  })

  it('leaves frames that are kept, and renders the others', async () => {
    const blend = await makeBlend(blender.path)
    const folder = await tempFolder()
    const pool = await openPool()
    await render({ pool, blend, output: join(folder, 'f-####'), frames: '1' })
    const before = (await stat(join(folder, 'f-0001.png'))).mtimeMs
    const context = await recordedContext({ sessions: pool, existing: { mode: 'keep-whole' } })
    const again = await render({ pool, blend, output: join(folder, 'f-####'), frames: '1..2', context })
    expect(again.steps).toBe(2)
    expect(again.pids.started).toEqual([])
    expect((await stat(join(folder, 'f-0001.png'))).mtimeMs).toBe(before)
  })

  it('opens the scene anew when its file has changed', async () => {
    const folder = await tempFolder()
    const blend = join(folder, 'scene.blend')
    await copyFile(await makeBlend(blender.path), blend)
    const pool = await openPool()
    const one = await render({ pool, blend, output: join(folder, 'f-####'), frames: '1' })
    await utimes(blend, new Date(), new Date(Date.now() + 5000))
    const two = await render({ pool, blend, output: join(folder, 'f-####'), frames: '2' })
    expect(two.pids.started).toHaveLength(1)
    expect(two.pids.started).not.toEqual(one.pids.started)
    await until(() => !isAlive(pidOf(one)), 'the old one is gone')
  })

  it('is used for arguments that it knows, and for nothing else', async () => {
    const blend = await makeBlend(blender.path)
    const folder = await tempFolder()
    const pool = await openPool()
    await render({ pool, blend, output: join(folder, 'f-####'), frames: '1', python: ['import bpy', 'print("my own", "code")'] })
    const off = await recordedContext({ sessions: pool, task: { sessions: false } })
    await render({ pool, blend, output: join(folder, 'f-####'), frames: '2', context: off })
    expect(pool.news()).toEqual([])
    expect(await readdir(folder)).toEqual(['f-0001.png', 'f-0002.png'])
  })

  it('declines a scene that carries something from one frame into the next, and remembers that', async () => {
    const folder = await tempFolder()
    const blend = join(folder, 'simulated.blend')
    const mesh = "[thing for thing in bpy.data.objects if thing.type == 'MESH'][0]"
    const code = `import bpy; ${mesh}.modifiers.new('cloth', 'CLOTH'); bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(blend)})`
    await promisify(execFile)(blender.path, ['-b', await makeBlend(blender.path), '--python-expr', code])
    const pool = await openPool()
    const one = await render({ pool, blend, output: join(folder, 'f-####'), frames: '1' })
    const two = await render({ pool, blend, output: join(folder, 'f-####'), frames: '2' })
    expect(one.pids.started).toHaveLength(2)
    expect(one.text).toMatch(/in a new process, because object .* is simulated \(CLOTH\)/)
    expect(two.pids.started).toHaveLength(1)
    expect(two.text).toContain('is simulated')
  })
})

blender.describe('an open Blender that breaks', () => {
  it('costs the running frame: the task is run again in a fresh process', async () => {
    const blend = await makeBlend(blender.path, { slow: '12' })
    const folder = await tempFolder()
    const pool = await openPool()
    const first = await render({ pool, blend, output: join(folder, 'f-####'), frames: '1' })
    const context = await recordedContext({ sessions: pool })
    const running = render({ pool, blend, output: join(folder, 'f-####'), frames: '2..3', context })
    await until(() => context.steps === 1, 'the first frame of the task')
    process.kill(pidOf(first), 'SIGKILL')
    await running
    expect(context.pids.started).toHaveLength(1)
    expect(context.text).toContain('it ended while it rendered: signal SIGKILL; running the task again in a new process')
    expect(context.steps).toBe(2)
    expect(await readdir(folder)).toEqual(['f-0001.png', 'f-0002.png', 'f-0003.png'])
    expect(closedNews(pool)).toMatchObject([{ reason: expect.stringMatching(/^it ended .*: signal SIGKILL$/), tasks: 1 }])
  })

  it('is ended when it hangs, and the task is run again', async () => {
    const blend = await makeBlend(blender.path, { slow: '12' })
    const folder = await tempFolder()
    const pool = await openPool({ hangMs: 2_000 })
    const first = await render({ pool, blend, output: join(folder, 'f-####'), frames: '1' })
    const context = await recordedContext({ sessions: pool })
    const running = render({ pool, blend, output: join(folder, 'f-####'), frames: '2', context })
    await until(() => context.activities.length > 2, 'it renders')
    process.kill(pidOf(first), 'SIGSTOP')
    await running
    expect(context.text).toMatch(/it hung: no output and no processor time for \d+ s; running the task again/)
    expect(await readdir(folder)).toEqual(['f-0001.png', 'f-0002.png'])
    expect(isAlive(pidOf(first))).toBe(false)
  })

  it('fails a task for what a fresh process says', async () => {
    const folder = await tempFolder()
    const pool = await openPool()
    const blend = await makeBlend(blender.path)
    const running = render({ pool, blend, output: '/proc/no/such/folder/f-####', frames: '1' })
    await expect(running).rejects.toThrow(/cannot save|could not|Error|output/i)
    expect(openNews(pool)).toEqual([])
    const later = await render({ pool, blend, output: join(folder, 'f-####'), frames: '1' })
    expect(later.outputs).toHaveLength(1)
  })

  it('is not disturbed by a script of the file that writes to whatever is open', async () => {
    const blend = join(await tempFolder(), 'noisy.blend')
    const script = [
      'import os, threading, time',
      'def write():',
      '    while True:',
      '        time.sleep(0.02)',
      '        for descriptor in (3, 4):',
      '            try:',
      "                os.write(descriptor, b'x')",
      '            except OSError:',
      '                pass',
      'threading.Thread(target=write, daemon=True).start()',
    ].join('\n')
    const make = [
      'import bpy',
      "text = bpy.data.texts.new('noise.py')",
      `text.write(${JSON.stringify(script)})`,
      'text.use_module = True',
      `bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(blend)})`,
    ]
    const quiet = await makeBlend(blender.path)
    await promisify(execFile)(blender.path, ['-b', quiet, '--python-exit-code', '1', '--python-expr', make.join('\n')])
    const [warm, fresh] = [await tempFolder(), await tempFolder()]
    const pool = await openPool()
    const first = await render({ pool, blend, output: join(warm, 'f-####'), frames: '1' })
    const second = await render({ pool, blend, output: join(warm, 'f-####'), frames: '2..3' })
    expect([first.pids.started.length, second.pids.started.length]).toEqual([1, 0])
    await render({ blend: quiet, output: join(fresh, 'f-####'), frames: '1..3' })
    expect(await pixels(warm)).toEqual(await pixels(fresh))
  })

  it('ends at once with a cancelled task, and leaves no half picture', async () => {
    // A frame of it takes longer than this test may.
    const blend = await makeBlend(blender.path, { slow: '4000' })
    const folder = await tempFolder()
    const pool = await openPool()
    const context = await recordedContext({ sessions: pool })
    const running = render({ pool, blend, output: join(folder, 'f-####'), frames: '1', context })
    await until(() => context.activities.length > 2, 'it renders')
    context.stop('enough')
    await expect(running).rejects.toThrow('enough')
    await until(() => !isAlive(pidOf(context)), 'it is gone')
    expect(await readdir(folder)).toEqual([])
  })
})

const ffmpeg = requirePart('ffmpeg')

/** Bit depth, channels and a hash of the pixels, of EXR files, too. */
async function content(path: string): Promise<string> {
  if (path.endsWith('.bmp'))
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  if (!path.endsWith('.exr')) {
    const { depth, channels } = await sharp(path).metadata()
    const { data } = await sharp(path)
      .raw({ depth: depth === 'ushort' ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return `${depth} ${channels} ${createHash('sha256').update(data).digest('hex')}`
  }
  const channelType = (await readFile(path)).subarray(0, 400).toString('latin1').includes('A\0\x01\0\0\0') ? 'half' : 'float'
  const args = ['-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'gbrapf32le', '-']
  const { stdout } = await promisify(execFile)(ffmpeg.path, args, { encoding: 'buffer', maxBuffer: 1e9 })
  return `${channelType} ${createHash('sha256').update(stdout).digest('hex')}`
}

blender.describe('an open Blender that changes between formats, depths and engines', () => {
  it.skipIf(ffmpeg.missing).each([
    ['OPEN_EXR', 'RGBA', '32'],
    ['PNG', 'RGBA', '16'],
  ])('stays open and saves what fresh processes do (scene saved as %s, %s, %s bits)', async (format, mode, depth) => {
    const [folder, warm, fresh] = [await tempFolder(), await tempFolder(), await tempFolder()]
    const blend = join(folder, 'scene.blend')
    const settings = `i = bpy.context.scene.render.image_settings; i.file_format = '${format}'; i.color_mode = '${mode}'; i.color_depth = '${depth}'`
    const save = `import bpy; ${settings}; bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(blend)})`
    await promisify(execFile)(blender.path, [
      '-b',
      await makeBlend(blender.path, { width: '64', height: '48', samples: '1' }),
      '--python-exit-code',
      '1',
      '--python-expr',
      save,
    ])
    const formats = ['PNG', 'JPEG', 'OPEN_EXR', 'TIFF', 'PNG', 'BMP', 'OPEN_EXR', 'PNG', 'JPEG']
    const pool = await openPool()
    const started: number[] = []
    for (const [index, name] of formats.entries()) {
      const engine = index === 4 ? 'CYCLES' : 'BLENDER_WORKBENCH'
      const context = await render({ pool, blend, output: join(warm, `${index}-#`), frames: '2', format: name, engine })
      started.push(context.pids.started.length)
    }
    expect(started).toEqual(formats.map((_, index) => (index === 0 ? 1 : 0)))
    const args = formats.flatMap((name, index) => [
      '-E', index === 4 ? 'CYCLES' : 'BLENDER_WORKBENCH', '-F', name, '-o', join(fresh, `${index}-#`), '-f', '2',
    ]) // prettier-ignore
    const command = commandOf('blender-render', { exe: 'blender', exeArgs: '-b', argsBefore: [], blendfile: blend, args }, 9)
    await registry.find('blender-render')?.(command, await recordedContext())
    const names = (await readdir(fresh)).toSorted()
    expect((await readdir(warm)).toSorted()).toEqual(names)
    expect(names).toHaveLength(formats.length)
    for (const name of names) expect(`${name} ${await content(join(warm, name))}`).toBe(`${name} ${await content(join(fresh, name))}`)
  })

  it('is not given up for a task that it declines', async () => {
    const blend = await makeBlend(blender.path, { engine: 'WORKBENCH', width: '64', height: '48' })
    const folder = await tempFolder()
    const pool = await openPool({}, 2)
    const first = await render({ pool, blend, output: join(folder, 'f-#'), frames: '1' })
    for (const format of ['JPG', 'JPG', 'JPG']) {
      await expect(render({ pool, blend, output: join(folder, 'f-#'), frames: '1', format })).rejects.toThrow(/no output format 'JPG'/)
    }
    const last = await render({ pool, blend, output: join(folder, 'f-#'), frames: '2' })
    expect([first.pids.started.length, last.pids.started.length]).toEqual([1, 0])
    const negative = `# framehouse: frames -1,0\nframes = [-1, 0]`
    const parameters = {
      exe: 'blender',
      exeArgs: '-b -y',
      argsBefore: [],
      blendfile: blend,
      args: ['-o', join(folder, 'n-#'), '--python-expr', negative],
    }
    const context = await recordedContext({ sessions: pool })
    await registry.find('blender-render')?.(commandOf('blender-render', parameters, 2), context)
    expect(context.outputs.map(({ frame, check }) => [frame, check])).toEqual([
      [-1, 'whole'],
      [0, 'whole'],
    ])
    expect([context.steps, context.pids.started.length]).toEqual([2, 0])
  })
})

blender.describe('an open Blender is closed', () => {
  const scene = async (pool: WarmAppPool, frames = '1') =>
    render({ pool, blend: await makeBlend(blender.path), output: join(await tempFolder(), 'f-####'), frames })

  it('after so many frames, when its memory is past the limit, when nothing came for too long', async () => {
    const [frames, memory, idle] = [
      await openPool({ maxFrames: 2 }),
      await openPool({ maxMemoryBytes: 1e6 }),
      await openPool({ idleMs: 200 }),
    ]
    await scene(frames)
    expect(openNews(frames)).toHaveLength(1)
    await scene(frames)
    expect(closedNews(frames)).toMatchObject([{ reason: 'it has done 2 frames' }])
    const heavy = await scene(memory)
    expect(closedNews(memory)[0]?.reason).toMatch(/^it uses \d+ MiB of memory$/)
    const last = await scene(idle)
    await until(() => closedNews(idle).length === 1, 'closed for idleness')
    await until(() => !isAlive(pidOf(last)) && !isAlive(pidOf(heavy)), 'both are gone')
  })

  it('when its job is over, when the worker has something else to do, when the worker stops', async () => {
    const pool = await openPool()
    const one = await scene(pool)
    pool.jobOver(one.task.jobId)
    await until(() => !isAlive(pidOf(one)), 'gone with its job')
    const two = await scene(pool)
    pool.enter('another job')()
    await until(() => !isAlive(pidOf(two)), 'gone for another job')
    const three = await scene(pool)
    await pool.end()
    expect(isAlive(pidOf(three))).toBe(false)
    expect(closedNews(pool).map(({ reason }) => reason)).toEqual([
      'its job no longer needs it',
      'the worker needs the memory for other tasks',
      'the worker stopped',
    ])
  })

  it('by itself when the worker is killed, also in the middle of a frame', async () => {
    const script = join(import.meta.dirname, '../../support/sessionHolder.ts')
    const blend = await makeBlend(blender.path, { slow: '4000' })
    const folder = await tempFolder()
    const holder = execFile(process.execPath, ['--import', 'tsx', script, blend, folder])
    onTestFinished(() => void holder.kill('SIGKILL'))
    const pid = await new Promise<number>((resolve) => holder.stdout?.once('data', (text) => resolve(Number(text))))
    expect(isAlive(pid)).toBe(true)
    holder.kill('SIGKILL')
    await until(async () => !isAlive(pid) || (await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z '), 'no orphan')
  })
})
