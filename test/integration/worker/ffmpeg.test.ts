/** `frames-to-video` with a real ffmpeg and the arguments of the shipped render job type. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { concatList } from '../../../src/main/worker/commands/video/ffmpegInput.ts'
import { videoArguments } from '../../../src/main/worker/commands/video/framesToVideo.ts'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { StoppedError } from '../../../src/main/worker/contract/commands.ts'
import { findSoftware } from '../../../src/main/worker/tools/machine/software.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder, until } from '../../support/commandContext.ts'
import { bytesOfStream, differenceIn, HOSTILE, hostileInShell } from '../../support/hostile.ts'
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
    await sharp({ create: { ...size, channels: 3, background } })
      .png()
      .toFile(join(folder, `f-${String(frame).padStart(6, '0')}.png`))
  }
}

const grey = (frame: number): Promise<Buffer> =>
  sharp({ create: { width: 64, height: 48, channels: 3, background: { r: frame * 20, g: 90, b: 90 } } })
    .png()
    .toBuffer()

const padded = (frame: number): string => (frame < 0 ? '-' : '') + String(Math.abs(frame)).padStart(4, '0')

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
    expect(context.results).toEqual([{ video: outputFile, bytes: (await stat(outputFile)).size, frames: 24, check: 'whole' }])
    expect(context.text).toContain('-pix_fmt yuv420p -r 24 -y -r 24 ')
    expect(await readdir(join(folder, 'videos'))).toEqual(['scene-1-24.mp4'])
    expect(context.outputs).toEqual([])
  })

  it('has what ffmpeg writes kept byte for byte', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 2, { width: 64, height: 36 })
    const wrapper = join(folder, 'ffmpeg.sh')
    await writeFile(wrapper, `#!/bin/sh\n(${hostileInShell()}; echo) >&2\nexec ${ffmpeg.path} "$@"\n`, { mode: 0o755 })
    const context = await recordedContext()
    await encode(context, { exe: wrapper, inputGlob: join(folder, '*.png'), outputFile: join(folder, 'out.mp4') })
    expect(differenceIn(bytesOfStream(context.entries, 'stderr'), HOSTILE)).toBeUndefined()
  })

  it('makes the same of a list of frames, where there are no links', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 6, { width: 64, height: 36 })
    await sharp({ create: { width: 64, height: 36, channels: 3, background: '#fff' } })
      .png()
      .toFile(join(folder, `it's.png`))
    const names = (await readdir(folder)).toSorted().map((name) => join(folder, name))
    const index = join(folder, 'index.txt')
    await writeFile(index, concatList(names, '24'))
    const outputFile = join(folder, 'out.mp4')
    const args = JOB_ARGS.map(String)
    const input = ['-f', 'concat', '-safe', '0', '-i', index]
    const parts = { exeArgs: [], argsBefore: [], input, args, rate: '24', outputFile }
    await run(ffmpeg.path, videoArguments(parts))
    expect(await probe(outputFile)).toMatchObject({ frames: 7, width: 64, height: 36 })
  })

  it('is judged by what is in it: a cut video fails, and does not get its name', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 12)
    // An encoder that ends well and leaves half of what it has made.
    const liar = join(folder, 'ffmpeg-that-cuts')
    await writeFile(
      liar,
      `#!/bin/sh
for last; do :; done
"${ffmpeg.path}" "$@" || exit $?
case "$last" in *.mp4) size=$(wc -c < "$last"); truncate -s $((size / 2)) "$last";; esac
`,
      { mode: 0o755 },
    )
    const outputFile = join(folder, 'out', 'a.mp4')
    const context = await recordedContext()
    const args = [...JOB_ARGS, '-movflags', '+faststart']
    const running = encode(context, { exe: liar, inputGlob: join(folder, '*.png'), outputFile, args })
    await expect(running).rejects.toThrow(`the video "${outputFile}" is damaged: it `)
    expect(await readdir(join(folder, 'out'))).toEqual([])
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
    [{ fps: 'many' }, 'parameter "fps" must'],
    [{ inputGlob: undefined }, 'parameter "inputGlob" is missing'],
    [{ outputFile: '' }, 'parameter "outputFile" must not have fewer than 1 characters'],
  ])('refuses %j', async (parameters, message) => {
    const all = { inputGlob: '/x/*.png', outputFile: '/x/a.mp4', ...parameters }
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    await expect(encode(await recordedContext(), given)).rejects.toThrow(message)
  })

  it.each(['shot [v2]', 'take * 2', 'why?', `it's "quoted"`, '100 %04d', 'a; b & c', 'Überfahrt – ß', ' lead'])(
    'takes images in a folder and of a name such as %j',
    async (name) => {
      const folder = join(await tempFolder(), name)
      await mkdir(folder, { recursive: true })
      for (const frame of [1, 2, 3, 10]) await writeFile(join(folder, `${name}_${frame}.png`), await grey(frame))
      const context = await recordedContext()
      const outputFile = join(folder, `${name}.mp4`)
      await encode(context, {
        inputGlob: '/nowhere/*',
        imagePath: join(folder, `${name}_#`),
        imageExtension: '.png',
        frames: '1-3,10',
        outputFile,
      })
      expect((await probe(outputFile)).frames).toBe(4)
    },
  )

  it('makes one video of each view, and none of masks beside the pictures', async () => {
    const folder = await tempFolder()
    for (const frame of [-1, 0, 1]) {
      for (const name of [`f_${padded(frame)}_L.png`, `f_${padded(frame)}_R.png`])
        await writeFile(join(folder, name), await grey(frame + 5))
    }
    await writeFile(join(folder, 'f_0001_mask.png'), await grey(1))
    const context = await recordedContext()
    const images = { inputGlob: join(folder, '*.png'), imagePath: join(folder, 'f_####'), imageExtension: '.png', frames: '-1..1' }
    await encode(context, { ...images, outputFile: join(folder, 'v.mp4') })
    expect((await readdir(folder)).filter((name) => name.endsWith('.mp4'))).toEqual(['v_L.mp4', 'v_R.mp4'])
    expect(context.results).toMatchObject([{ frames: 3, videos: [{ frames: 3 }, { frames: 3 }] }])

    for (const frame of [-1, 0, 1]) await writeFile(join(folder, `f_${padded(frame)}.png`), await grey(frame + 5))
    await encode(context, { ...images, outputFile: join(folder, 'w.mp4') })
    expect((await readdir(folder)).filter((name) => name.startsWith('w'))).toEqual(['w.mp4'])
  })

  it('names frames that are not there, and makes no video without them', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 4)
    const outputFile = join(folder, 'a.mp4')
    const running = encode(await recordedContext(), {
      inputGlob: join(folder, '*.png'),
      imagePath: join(folder, 'f-######'),
      imageExtension: '.png',
      frames: '1-9x2',
      outputFile,
    })
    await expect(running).rejects.toThrow(/3 of 5 frames are not there as ".*f-######": 5-9x2/)
    expect(await readdir(folder)).not.toContain('a.mp4')
  })

  it.each([
    ['empty', 0],
    ['cut in half', 0.5],
  ])('names an image that is %s', async (_, share) => {
    const folder = await tempFolder()
    await makeFrames(folder, 5)
    const bad = join(folder, 'f-000003.png')
    await truncate(bad, Math.floor((await stat(bad)).size * share))
    const running = encode(await recordedContext(), { inputGlob: join(folder, '*.png'), outputFile: join(folder, 'a.mp4') })
    await expect(running).rejects.toThrow(`"${bad}" is damaged`)
  })

  it('fails when the video has fewer frames than there are images', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 3)
    // Not an image that is checked here: ffmpeg alone finds out, and ends with 0.
    const program = join(folder, 'half-an-encoder')
    await writeFile(
      program,
      `#!/bin/sh\ncase "$*" in *null*) exec '${ffmpeg.path}' "$@";; esac\nlast=; for a; do last="$a"; done\n` +
        `exec '${ffmpeg.path}' -y -f lavfi -i color=red:64x48:d=0.08 -frames:v 2 "$last"\n`,
      { mode: 0o755 },
    )
    const running = encode(await recordedContext(), { exe: program, inputGlob: join(folder, '*.png'), outputFile: join(folder, 'a.mp4') })
    await expect(running).rejects.toThrow('the video has 2 frames, but there are 3 images')
    expect(await readdir(folder)).not.toContain('a.mp4')
  })

  it('ends a long sound with the pictures, and goes on after a short one', async () => {
    const folder = await tempFolder()
    await makeFrames(folder, 24)
    for (const seconds of [0.3, 3]) {
      const sound = join(folder, `${seconds}.wav`)
      await run(ffmpeg.path, ['-y', '-f', 'lavfi', '-i', `sine=duration=${seconds}`, sound])
      const outputFile = join(folder, `${seconds}.mp4`)
      await encode(await recordedContext(), { inputGlob: join(folder, '*.png'), outputFile, args: ['-i', sound, '-shortest', ...JOB_ARGS] })
      expect((await probe(outputFile)).frames).toBe(24)
    }
  })

  it('makes a video of one image', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'one_0005.png'), await grey(5))
    const outputFile = join(folder, 'one.mp4')
    await encode(await recordedContext(), { inputGlob: 'x', imagePath: join(folder, 'one_0005.png'), outputFile })
    expect((await probe(outputFile)).frames).toBe(1)
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
