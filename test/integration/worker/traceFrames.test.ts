/** `trace-frames`: the demo's own renderer, in its threads, with real files. */
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { CommandFailedError, InvalidParameterError, StoppedError } from '../../../src/main/worker/contract/commands.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder } from '../../support/commandContext.ts'

const registry = createCommandRegistry({ programs: {} })
const SMALL = { scene: 'marbles', loopFrames: 8, firstFrame: 1, width: 64, height: 36, samples: 4, filePattern: 'f-{frame:04}.png' }

async function trace(context: RecordedContext, parameters: Record<string, unknown>): Promise<void> {
  await registry.find('trace-frames')?.(commandOf('trace-frames', { ...SMALL, ...parameters }, 1), context)
}

async function traceInto(outputDir: string, parameters: Record<string, unknown>): Promise<RecordedContext> {
  const context = await recordedContext()
  await trace(context, { outputDir, ...parameters })
  return context
}

describe('trace-frames', () => {
  it('writes whole PNG files, reports each with its frame, and counts steps', async () => {
    const folder = join(await tempFolder(), 'made', 'by', 'it')
    const context = await traceInto(folder, { frames: '1-2,5' })
    const names = ['f-0001.png', 'f-0002.png', 'f-0005.png']
    expect((await readdir(folder)).toSorted()).toEqual(names)
    expect(context.outputs.map(({ path, frame, width, height }) => ({ path, frame, width, height }))).toEqual(
      names.map((name, index) => ({ path: join(folder, name), frame: [1, 2, 5][index], width: 64, height: 36 })),
    )
    expect(context.steps).toBe(3)
    expect(await sharp(join(folder, 'f-0005.png')).metadata()).toMatchObject({ format: 'png', width: 64, height: 36, channels: 3 })
    expect(context.text).toContain(`Saved: '${join(folder, 'f-0002.png')}'\n Time: 00:0`)
    expect(context.outputs.every(({ renderedMs, bytes }) => (renderedMs ?? -1) >= 0 && (bytes ?? 0) > 500)).toBe(true)
  })

  it('gives the same bytes for the same frame, whichever task renders it, and other ones for the next', async () => {
    const folder = await tempFolder()
    await Promise.all([traceInto(join(folder, 'a'), { frames: '1-3' }), traceInto(join(folder, 'b'), { frames: '3' })])
    const read = (name: string) => readFile(join(folder, name))
    expect((await read('a/f-0003.png')).equals(await read('b/f-0003.png'))).toBe(true)
    expect((await read('a/f-0002.png')).equals(await read('a/f-0003.png'))).toBe(false)
  })

  it('loops: the frame after the last one is the first one again', async () => {
    const folder = await tempFolder()
    await traceInto(folder, { frames: '1,9' })
    expect((await readFile(join(folder, 'f-0001.png'))).equals(await readFile(join(folder, 'f-0009.png')))).toBe(true)
  })

  it('is a picture: bright and dark places, colours, and no noise where nothing is', async () => {
    const folder = await tempFolder()
    await traceInto(folder, { frames: '1', width: 320, height: 180, samples: 4 })
    const { channels, dominant } = await sharp(join(folder, 'f-0001.png')).stats()
    expect(dominant).toBeDefined()
    for (const channel of channels) {
      expect(channel.max).toBeGreaterThan(240)
      expect(channel.min).toBeLessThan(30)
      expect(channel.stdev).toBeGreaterThan(25)
    }
    // The backdrop in a corner is smooth: neighbours differ by no more than gradient and dither.
    const corner = sharp(join(folder, 'f-0001.png')).extract({ left: 0, top: 0, width: 24, height: 12 })
    const { data, info } = await corner.raw().toBuffer({ resolveWithObject: true })
    for (let at = 0; at < data.length - info.channels; at += info.channels) {
      if ((at / info.channels + 1) % info.width === 0) continue
      expect(Math.abs((data[at] ?? 0) - (data[at + info.channels] ?? 0))).toBeLessThanOrEqual(3)
    }
  })

  it('replaces a frame that is there, and leaves no temporary file', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'f-0001.png'), 'old')
    await traceInto(folder, { frames: '1' })
    expect((await readdir(folder)).toSorted()).toEqual(['.framehouse-replaced', 'f-0001.png'])
    expect(await readFile(join(folder, '.framehouse-replaced', 'f-0001.png'), 'utf8')).toBe('old')
    expect((await sharp(join(folder, 'f-0001.png')).metadata()).width).toBe(64)
  })

  it('keeps on a retry what an earlier attempt recorded, and renders what was changed since', async () => {
    const folder = await tempFolder()
    const first = await traceInto(folder, { frames: '1-3' })
    const [inputs = null] = first.inputsTold
    const known = first.outputs.map((file) => ({
      path: file.path,
      frame: file.frame ?? null,
      view: '',
      bytes: file.bytes ?? null,
      modifiedAt: file.modifiedAt ?? null,
      sha256: file.sha256 ?? null,
      width: 64,
      height: 36,
      inputs,
      rejected: file.frame === 3,
    }))
    const bytes = await readFile(join(folder, 'f-0002.png'))
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
    await writeFile(join(folder, 'f-0002.png'), bytes)
    const facts = await stat(join(folder, 'f-0001.png'))
    const again = await recordedContext({ existing: { mode: 'keep-proven', known }, task: { attempt: 2 } })
    await trace(again, { outputDir: folder, frames: '1-3' })
    expect(again.outputs.map(({ frame, kept = false, check }) => [frame, kept, check])).toEqual([
      [1, true, 'whole'],
      [2, false, 'whole'],
      [3, false, 'whole'],
    ])
    expect((await stat(join(folder, 'f-0001.png'))).ino).toBe(facts.ino)
    expect(again.steps).toBe(3)
    // Another scene: what was made is not what would be made.
    const other = await recordedContext({ existing: { mode: 'keep-proven', known }, task: { attempt: 3 } })
    await trace(other, { outputDir: folder, frames: '1', samples: 5 })
    expect(other.outputs.map(({ kept = false }) => kept)).toEqual([false])
  })

  it('keeps whole frames, whatever made them, at the right size, where the job wants that', async () => {
    const folder = await tempFolder()
    const picture = (width: number) => sharp({ create: { width, height: 36, channels: 3, background: 'red' } }).png()
    await picture(64).toFile(join(folder, 'f-0001.png'))
    await picture(32).toFile(join(folder, 'f-0002.png'))
    await writeFile(join(folder, 'f-0003.png'), '')
    const context = await recordedContext({ existing: { mode: 'keep-whole' } })
    await trace(context, { outputDir: folder, frames: '1-3' })
    expect(context.outputs.map(({ frame, kept = false }) => [frame, kept])).toEqual([
      [1, true],
      [2, false],
      [3, false],
    ])
    expect((await readdir(join(folder, '.framehouse-replaced'))).toSorted()).toEqual(['f-0002.png.damaged', 'f-0003.png.damaged'])
  })

  it('ends at once in the middle of a frame when the task is stopped', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    const running = trace(context, { outputDir: folder, frames: '1-3', width: 4096, height: 4096, samples: 4096 })
    const failed = expect(running).rejects.toThrow(StoppedError)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const stoppedAt = performance.now()
    context.stop()
    await failed
    expect(performance.now() - stoppedAt).toBeLessThan(15_000)
    expect(await readdir(folder)).toEqual([])
    // The next task gets a thread that works.
    await traceInto(folder, { frames: '1' })
    expect(await readdir(folder)).toEqual(['f-0001.png'])
  })

  it('leaves the event loop free while it traces', async () => {
    let longest = 0
    const startedAt = performance.now()
    let last = startedAt
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 5)
    await traceInto(await tempFolder(), { frames: '1', width: 960, height: 540, samples: 4 })
    clearInterval(timer)
    // One frame takes nearly all of the time; traced here, it would be one long gap.
    expect(longest).toBeLessThan((performance.now() - startedAt) / 3)
  })

  it.each([
    [{ scene: 'constructor' }, 'parameter "scene" must be one of marbles, but it is "constructor"'],
    [{ frames: '5-x' }, 'parameter "frames" is wrong: invalid range "5-x"'],
    [{ frames: '1-9999999' }, '9999999 frames exceed the maximum of 1000000'],
    [{ width: 8 }, 'parameter "width" must be >= 16'],
    [{ samples: 0.5 }, 'parameter "samples" must be'],
    [{ outputDir: 'relative' }, 'parameter "outputDir" must be an absolute path'],
    [{ loopFrames: 0 }, 'parameter "loopFrames" must be >= 1'],
    [{ filePattern: '../{frame}.png' }, 'parameter "filePattern"'],
    [{ filePattern: '' }, 'parameter "filePattern"'],
    [{ filePattern: 'f.png', frames: '1-2' }, 'parameter "filePattern" must hold {frame}'],
  ])('refuses %j', async (parameters, message) => {
    const running = trace(await recordedContext(), { outputDir: '/tmp/never', frames: '1', ...parameters })
    await expect(running).rejects.toThrow(InvalidParameterError)
    await expect(running).rejects.toThrow(message)
  })

  it('says that a picture cannot be written', async () => {
    const folder = await tempFolder()
    await mkdir(join(folder, 'f-0001.png'))
    await expect(traceInto(folder, { frames: '1-2' })).rejects.toThrow(CommandFailedError)
    await expect(traceInto('/proc/nowhere', { frames: '1' })).rejects.toThrow(/could not write "\/proc\/nowhere\/f-0001\.png"/)
  })
})
