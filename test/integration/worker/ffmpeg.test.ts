/** `frames-to-video` with a real ffmpeg and the arguments of the shipped render job type. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { indexFile, indexInput, videoArguments } from '../../../src/main/worker/commands/framesToVideo.ts'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { StoppedError } from '../../../src/main/worker/commands/types.ts'
import { findSoftware } from '../../../src/main/worker/tools/software.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder, until } from '../../support/commandContext.ts'
import { requirePart } from '../../support/parts.ts'

const ffmpeg = requirePart('ffmpeg')
const run = promisify(execFile)
const registry = createCommandRegistry({ programs: {} })

/** As simple-blender-render authors it. */
const JOB_ARGS = ['-c:v', 'h264', '-crf', '20', '-g', '18', '-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', '-pix_fmt', 'yuv420p', '-r', 24, '-y']

async function encode(context: RecordedContext, parameters: Record<string, unknown>): Promise<void> {
  await registry.find('frames-to-video')?.(commandOf('frames-to-video', { exe: 'ffmpeg', fps: 24, args: JOB_ARGS, ...parameters }), context)
}

/** Frames of an odd size, each of another grey. */
async function makeFrames(folder: string, count: number, size = { width: 63, height: 35 }): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let frame = 1; frame <= count; frame++) {
    const background = { r: frame * 5, g: 100, b: 200 - frame * 5 }
    await sharp({ create: { ...size, channels: 3, background } }).png().toFile(join(folder, `f-${String(frame).padStart(6, '0')}.png`))
  }
}

/** What a player would see: frames and size. */
async function probe(video: string): Promise<{ frames: number; width: number; height: number; fps: number }> {
  const { stderr } = await run(ffmpeg.path, ['-hide_banner', '-i', video, '-map', '0:v', '-f', 'null', '-'])
  const size = /Video: .*?(\d{2,})x(\d{2,}).*?([\d.]+) fps/.exec(stderr)
  const frames = Number(/frame=\s*(\d+)(?!.*frame=)/s.exec(stderr)?.[1])
  return { frames, width: Number(size?.[1]), height: Number(size?.[2]), fps: Number(size?.[3]) }
}

ffmpeg.describe('frames-to-video', () => {
  it('makes a video of all frames, padded to an even size', async () => {
    const folder = join(await tempFolder(), `it's a folder`)
    await makeFrames(folder, 24)
    await writeFile(join(folder, 'f-000001.png.part'), 'half')
    const outputFile = join(folder, 'videos', 'scene-1-24.mp4')
    const context = await recordedContext()
    await encode(context, { inputGlob: join(folder, '*.png'), outputFile })
    expect(await probe(outputFile)).toEqual({ frames: 24, width: 64, height: 36, fps: 24 })
    expect(context.results).toEqual([{ video: outputFile, bytes: (await stat(outputFile)).size, frames: 24 }])
    expect(context.text).toContain(`-r 24 -pattern_type glob -i '`)
    expect(context.text).toContain(`-pix_fmt yuv420p -r 24 -y -r 24 '`)
    expect(context.outputs).toEqual([])
  })

  it('makes the same of a list of frames, as on Windows', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 6, { width: 64, height: 36 })
    await sharp({ create: { width: 64, height: 36, channels: 3, background: '#fff' } }).png().toFile(join(folder, `it's.png`))
    const names = (await readdir(folder)).toSorted().map((name) => join(folder, name))
    const index = join(folder, 'index.txt')
    await writeFile(index, indexFile(names, 24))
    const outputFile = join(folder, 'out.mp4')
    const args = JOB_ARGS.map(String)
    const parts = { exeArgs: [], argsBefore: [], input: indexInput(index), args, fps: 24, outputFile }
    await run(ffmpeg.path, videoArguments(parts))
    expect(await probe(outputFile)).toMatchObject({ frames: 7, width: 64, height: 36 })
  })

  it('fails when there are no frames', async () => {
    const folder = await tempFolder()
    const running = encode(await recordedContext(), { inputGlob: join(folder, '*.png'), outputFile: join(folder, 'a.mp4') })
    await expect(running).rejects.toThrow(/no frames match ".*\*\.png"/)
  })

  it('fails with the exit code of ffmpeg', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 2)
    const context = await recordedContext()
    const args = ['-c:v', 'no-such-codec']
    const running = encode(context, { inputGlob: join(folder, '*.png'), outputFile: join(folder, 'a.mp4'), args })
    await expect(running).rejects.toThrow('command exited abnormally with code 1')
    expect(context.text).toContain('no-such-codec')
  })

  it.each([
    [{ fps: 0 }, 'parameter "fps" must not be 0'],
    [{ fps: '24' }, 'parameter "fps" must be number'],
    [{ inputGlob: undefined }, 'parameter "inputGlob" is missing'],
    [{ outputFile: '' }, 'parameter "outputFile" must not have fewer than 1 characters'],
  ])('refuses %j', async (parameters, message) => {
    const all = { inputGlob: '/x/*.png', outputFile: '/x/a.mp4', ...parameters }
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    await expect(encode(await recordedContext(), given)).rejects.toThrow(message)
  })

  it('stops when the task is stopped', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 2)
    const context = await recordedContext()
    // Endless: the same two frames for ever.
    const argsBefore = ['-re', '-stream_loop', -1]
    const running = encode(context, { inputGlob: join(folder, '*.png'), outputFile: join(folder, 'a.mp4'), argsBefore })
    const failed = expect(running).rejects.toThrow(StoppedError)
    await until(() => context.activities.length > 0, 'ffmpeg encodes')
    context.stop()
    await failed
  })

  it('is found, with its version', async () => {
    const found = (await findSoftware({ programs: {} })).filter(({ name }) => name === 'ffmpeg')
    expect(found[0]?.version).toMatch(/^[nN]?\d/)
    expect(registry.kinds('native')).toContain('ffmpeg')
  })
})
