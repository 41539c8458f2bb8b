/** `run-frames`: any program as a renderer; here, Node. */
import { mkdir, readFile, readdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { InvalidParameterError } from '../../../src/main/worker/contract/commands.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder } from '../../support/commandContext.ts'

const registry = createCommandRegistry({ programs: {} })

async function runFrames(parameters: Record<string, unknown>, context?: RecordedContext): Promise<RecordedContext> {
  const recorded = context ?? (await recordedContext())
  await registry.find('run-frames')?.(commandOf('run-frames', { exe: process.execPath, ...parameters }, 1), recorded)
  return recorded
}

/** Writes the file it is given; `{frame}` makes it run once per frame. */
const WRITE = `require('fs').writeFileSync(process.argv[1], process.argv[2] ?? '')`

describe('run-frames', () => {
  it('runs once per frame, reports what it wrote, and counts a step for each', async () => {
    const folder = await tempFolder()
    const outputPattern = join(folder, 'new', 'f-{frame:04}.txt')
    const context = await runFrames({ args: ['-e', WRITE, outputPattern, 'frame {frame} of {start}..{end}'], frames: '3-5', outputPattern })
    expect((await readdir(join(folder, 'new'))).toSorted()).toEqual(['f-0003.txt', 'f-0004.txt', 'f-0005.txt'])
    expect(await readFile(join(folder, 'new', 'f-0004.txt'), 'utf8')).toBe('frame 4 of 3..5')
    const wanted = [3, 4, 5].map((frame) => [join(folder, 'new', `f-000${frame}.txt`), frame])
    expect(context.outputs.map(({ path, frame }) => [path, frame])).toEqual(wanted)
    expect(context.outputs.every(({ renderedMs }) => (renderedMs ?? -1) >= 0)).toBe(true)
    expect(context.steps).toBe(3)
    expect(context.pids.started.length).toBe(3)
    expect(context.activities).toEqual(['frame 3', 'frame 4', 'frame 5'])
  })

  it('runs once for the whole range when no argument names the frame', async () => {
    const folder = await tempFolder()
    const code = `const [, folder, from, to] = process.argv
      for (let f = +from; f <= +to; f++) require('fs').writeFileSync(folder + '/' + f + '.dat', 'x'.repeat(f))`
    const args = ['-e', code, folder, '{start}', '{end}']
    const context = await runFrames({ args, frames: '1-4', outputPattern: join(folder, '{frame}.dat') })
    expect(context.pids.started.length).toBe(1)
    expect(context.outputs.map(({ frame, bytes }) => [frame, bytes])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ])
    expect(context.steps).toBe(4)
  })

  it('reports frames while one run still works on the others', async () => {
    const folder = await tempFolder()
    // The second file is written only when the test has seen the report of the first one.
    const code = `const fs = require('fs'), f = process.argv[1]; fs.writeFileSync(f + '/1.dat', 'x');
      const timer = setInterval(() => { if (fs.existsSync(f + '/go')) { clearInterval(timer); fs.writeFileSync(f + '/2.dat', 'x') } }, 20)`
    const context = await recordedContext()
    context.output = (file) => {
      context.outputs.push(file)
      if (file.frame === 1) void writeFile(join(folder, 'go'), '')
    }
    await runFrames({ args: ['-e', code, folder, '{chunk}'], frames: '1-2', outputPattern: join(folder, '{frame}.dat') }, context)
    expect(context.outputs.map(({ frame }) => frame)).toEqual([1, 2])
    expect(context.steps).toBe(2)
  })

  it('stops at the first frame that fails', async () => {
    const running = runFrames({ args: ['-e', 'process.exit(process.argv[1] === "2" ? 9 : 0)', '{frame}'], frames: '1-4' })
    await expect(running).rejects.toThrow('command exited abnormally with code 9')
  })

  it('fails when a file was not written, also when an old one is there', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, '1.txt'), 'from yesterday')
    const outputPattern = join(folder, '{frame}.txt')
    const one = runFrames({ args: ['-e', '0', '{frame}'], frames: '1', outputPattern })
    await expect(one).rejects.toThrow(`did not write "${join(folder, '1.txt')}"`)
    await expect(runFrames({ args: ['-e', '0'], frames: '1-3', outputPattern })).rejects.toThrow('(and 2 more)')
  })

  it('takes a file that is written again with the same content', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, '1.txt'), 'same')
    const outputPattern = join(folder, '{frame}.txt')
    const context = await runFrames({ args: ['-e', WRITE, outputPattern, 'same'], frames: '1', outputPattern })
    expect(context.outputs.length).toBe(1)
  })

  it('fails for a picture that is damaged, and sets it aside', async () => {
    const folder = await tempFolder()
    const outputPattern = join(folder, '{frame}.png')
    const context = await recordedContext()
    const running = runFrames({ args: ['-e', WRITE, outputPattern, 'no picture'], frames: '1', outputPattern }, context)
    await expect(running).rejects.toThrow(`the program ended without an error, but "${join(folder, '1.png')}" is damaged`)
    expect(await readdir(folder)).toEqual(['.framehouse-replaced'])
    expect(context.outputs.map(({ check }) => check)).toEqual(['damaged'])
  })

  it('keeps on a retry what is proven, and nothing once a file that its words name was changed', async () => {
    const folder = await tempFolder()
    const source = join(folder, 'source.dat')
    await writeFile(source, 'a')
    const outputPattern = join(folder, '{frame}.txt')
    const parameters = { args: ['-e', WRITE, outputPattern, '{frame}', source], frames: '1-2', outputPattern }
    const first = await runFrames(parameters)
    const known = first.outputs.map(({ path, frame = null, bytes = null, modifiedAt = null, sha256 = null }) => ({
      ...{ path, frame, view: '', bytes, modifiedAt, sha256, width: null, height: null },
      inputs: first.inputsTold[0] ?? null,
      rejected: false,
    }))
    await writeFile(join(folder, '2.txt'), 'changed')
    const again = await runFrames(parameters, await recordedContext({ existing: { mode: 'keep-proven', known } }))
    expect(again.outputs.map(({ frame, kept = false }) => [frame, kept])).toEqual([
      [1, true],
      [2, false],
    ])
    expect(again.pids.started.length).toBe(1)
    await writeFile(source, 'another')
    const changed = await runFrames(parameters, await recordedContext({ existing: { mode: 'keep-proven', known } }))
    expect(changed.outputs.some(({ kept }) => kept)).toBe(false)
  })

  it('passes environment and folder on', async () => {
    const folder = await realpath(await tempFolder())
    await mkdir(join(folder, 'here'))
    const context = await runFrames({
      args: ['-p', 'process.env.SHOT + " " + process.cwd()'],
      env: ['SHOT=a=b {frame:03}'],
      workDir: join(folder, 'here'),
      frames: '7',
    })
    expect(context.text).toContain(`> a=b 007 ${join(folder, 'here')}\n`)
  })

  it.each([
    [{ frames: '' }, 'parameter "frames" must not have fewer than 1 characters'],
    [{ frames: '3-x' }, 'parameter "frames" is wrong'],
    [{ env: ['=x'] }, 'parameter "env" has an entry that is not of the form NAME=value'],
    [{ workDir: '/no/such/folder' }, 'parameter "workDir" is no folder on this machine'],
    [{ args: {} }, 'parameter "args" must be array'],
    [{ exe: '' }, 'parameter "exe" must not have fewer than 1 characters'],
  ])('refuses %j', async (parameters, message) => {
    const running = runFrames({ args: [], frames: '1', ...parameters })
    await expect(running).rejects.toThrow(InvalidParameterError)
    await expect(running).rejects.toThrow(message)
  })
})
