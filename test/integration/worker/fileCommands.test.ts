/** The commands that need no program: on real folders. */
import { mkdir, readFile, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { InvalidParameterError, StoppedError } from '../../../src/main/worker/contract/commands.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder } from '../../support/commandContext.ts'

const registry = createCommandRegistry({ programs: {} })

async function run(name: string, parameters: Record<string, unknown>): Promise<RecordedContext> {
  const context = await recordedContext()
  await runIn(context, name, parameters)
  return context
}

async function runIn(context: RecordedContext, name: string, parameters: Record<string, unknown>): Promise<void> {
  const runner = registry.find(name)
  if (runner === undefined) throw new Error(`no command ${name}`)
  await runner(commandOf(name, parameters), context)
}

describe('echo', () => {
  it('writes its message in quotes', async () => {
    expect((await run('echo', { message: 'hey "you"\n' })).text).toBe('echo: "hey \\"you\\"\\n"\n')
  })

  it('takes any value', async () => {
    expect((await run('echo', { message: 47 })).text).toBe('echo: "47"\n')
    expect((await run('echo', { message: { a: [1] } })).text).toBe('echo: "{\\"a\\":[1]}"\n')
  })

  it('needs a message', async () => {
    await expect(run('echo', {})).rejects.toThrow('parameter "message" is missing')
  })
})

describe('sleep', () => {
  it('cuts fractions to whole seconds', async () => {
    expect((await run('sleep', { duration_in_seconds: 0.9 })).text).toBe('slept 0s\n')
  })

  it.each([-1, '3', null])('refuses %j', async (duration) => {
    await expect(run('sleep', { duration_in_seconds: duration })).rejects.toThrow(/parameter "duration_in_seconds"/)
    await expect(run('sleep', { duration_in_seconds: duration })).rejects.toThrow(InvalidParameterError)
  })

  it('ends at once when the task is stopped', async () => {
    const context = await recordedContext()
    const sleeping = runIn(context, 'sleep', { duration_in_seconds: 600 })
    setTimeout(() => context.stop(), 20)
    await expect(sleeping).rejects.toThrow(StoppedError)
    expect(context.text).toBe('')
  })
})

describe('exec', () => {
  it('runs a program with its arguments as they are', async () => {
    const context = await run('exec', { exe: process.execPath, args: ['-p', '"a  b"', 7] })
    expect(context.text).toMatch(/pid=\d+ > a {2}b\n/)
  })

  it('fails with the exit code', async () => {
    const running = run('exec', { exe: process.execPath, args: ['-e', 'process.exit(7)'] })
    await expect(running).rejects.toThrow('command exited abnormally with code 7')
  })

  it('says where it looked for a program', async () => {
    const running = run('exec', { exe: 'no-such-program-here' })
    await expect(running).rejects.toThrow('could not find "no-such-program-here" on this machine: it is not on PATH')
  })
})

describe('exec with files that it must write', () => {
  const WRITE = 'for (const path of process.argv.slice(1)) require("fs").writeFileSync(path, Buffer.from(process.env.BYTES ?? "", "hex"))'
  const write = (context: RecordedContext, outputs: string[], paths = outputs) =>
    runIn(context, 'exec', { exe: process.execPath, args: ['-e', WRITE, ...paths], outputs })
  const image = () =>
    sharp({ create: { width: 8, height: 6, channels: 3, background: '#369' } })
      .png()
      .toBuffer()

  it('reports them with what the look at them found, in folders that it makes', async () => {
    const path = join(await tempFolder(), 'new', 'a.png')
    const context = await recordedContext({ env: { BYTES: (await image()).toString('hex') } })
    await write(context, [path])
    expect(context.outputs).toMatchObject([{ path, check: 'whole', width: 8, height: 6 }])
  })

  it('fails when one is missing, or is what was there before', async () => {
    const folder = await tempFolder()
    const [one, two] = [join(folder, 'one.txt'), join(folder, 'two.txt')]
    await writeFile(two, 'of yesterday')
    await expect(write(await recordedContext(), [one, two], [one])).rejects.toThrow(
      `the program ended without an error, but did not write "${two}"`,
    )
    expect(await readFile(join(folder, '.framehouse-replaced', 'two.txt'), 'utf8')).toBe('of yesterday')
  })

  it.each(['a.png', 'a.exr', 'a.mp4', 'a.mkv'])('fails when %s is damaged, and sets it aside', async (name) => {
    const folder = await tempFolder()
    const path = join(folder, name)
    await expect(write(await recordedContext({ env: { BYTES: '7465787420616c6f6e65' } }), [path])).rejects.toThrow(`"${path}" is damaged: `)
    expect(await readdir(join(folder, '.framehouse-replaced'))).toEqual([`${name}.damaged`])
  })

  it('runs no program when whole files are to be kept and all are there', async () => {
    const path = join(await tempFolder(), 'a.png')
    await writeFile(path, await image())
    const context = await recordedContext({ existing: { mode: 'keep-whole' } })
    await write(context, [path])
    expect(context.pids.started).toEqual([])
    expect(context.outputs).toMatchObject([{ path, kept: true, check: 'whole' }])
  })

  it('keeps its exit code', async () => {
    const parameters = { exe: process.execPath, args: ['-e', 'process.exit(7)'], outputs: [join(await tempFolder(), 'a.png')] }
    await expect(run('exec', parameters)).rejects.toThrow('command exited abnormally with code 7')
  })

  it('takes absolute paths only', async () => {
    await expect(run('exec', { exe: process.execPath, outputs: ['a.png'] })).rejects.toThrow('has a path that is not absolute: "a.png"')
  })
})

describe('make-directory', () => {
  it('makes all folders of the path, and is content when they are there', async () => {
    const path = join(await tempFolder(), 'a', 'b', 'c')
    expect((await run('make-directory', { path })).text).toContain(`made "${path}"`)
    expect((await stat(path)).isDirectory()).toBe(true)
    expect((await run('make-directory', { path })).text).toContain('is there already')
  })

  it('fails when a file is in the way', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'file'), '')
    await expect(run('make-directory', { path: join(folder, 'file') })).rejects.toThrow(
      /could not make directory .*there is a file of that name/,
    )
    await expect(run('make-directory', { path: join(folder, 'file', 'deeper') })).rejects.toThrow('a part of the path is a file')
  })
})

describe('move-directory', () => {
  it('moves a folder into one that does not exist yet', async () => {
    const folder = await tempFolder()
    await mkdir(join(folder, 'src'))
    await writeFile(join(folder, 'src', 'f'), 'new')
    await run('move-directory', { src: join(folder, 'src'), dest: join(folder, 'deep', 'dest') })
    expect(await readFile(join(folder, 'deep', 'dest', 'f'), 'utf8')).toBe('new')
    expect(await readdir(folder)).toEqual(['deep'])
  })

  it('renames an existing destination after its age, and numbers a second one of the same age', async () => {
    const folder = await tempFolder()
    const dest = join(folder, 'dest')
    const age = new Date(2021, 4, 6, 7, 8, 9)
    for (const content of ['one', 'two', 'three', 'four']) {
      await mkdir(join(folder, 'src'))
      await writeFile(join(folder, 'src', 'f'), content)
      await run('move-directory', { src: join(folder, 'src'), dest })
      await utimes(dest, age, age)
    }
    const stamped = 'dest-2021-05-06_070809'
    expect((await readdir(folder)).toSorted()).toEqual(['dest', stamped, `${stamped}-001`, `${stamped}-002`])
    expect(await readFile(join(dest, 'f'), 'utf8')).toBe('four')
    expect(await readFile(join(folder, 'dest-2021-05-06_070809', 'f'), 'utf8')).toBe('one')
    expect(await readFile(join(folder, 'dest-2021-05-06_070809-002', 'f'), 'utf8')).toBe('three')
  })

  it('moves nothing when a picture in it is damaged, and names it', async () => {
    const folder = await tempFolder()
    const [src, dest] = [join(folder, 'src'), join(folder, 'dest')]
    await mkdir(join(src, 'deep'), { recursive: true })
    const image = sharp({ create: { width: 8, height: 6, channels: 3, background: '#369' } }).png()
    await image.toFile(join(src, 'f_1.png'))
    const bytes = await readFile(join(src, 'f_1.png'))
    await writeFile(join(src, 'deep', 'f_2.png'), bytes.subarray(0, 40))
    await writeFile(join(src, 'notes.txt'), '')
    await expect(run('move-directory', { src, dest })).rejects.toThrow(`"${join(src, 'deep', 'f_2.png')}" is damaged: ends too early`)
    expect(await readdir(folder)).toEqual(['src'])
    await writeFile(join(src, 'deep', 'f_2.png'), bytes)
    await run('move-directory', { src, dest })
    expect((await readdir(dest)).toSorted()).toEqual(['deep', 'f_1.png', 'notes.txt'])
  })

  it('touches nothing when the source is missing', async () => {
    const folder = await tempFolder()
    await mkdir(join(folder, 'dest'))
    const running = run('move-directory', { src: join(folder, 'gone'), dest: join(folder, 'dest') })
    await expect(running).rejects.toThrow('does not exist, not moving anything')
    expect(await readdir(folder)).toEqual(['dest'])
  })

  it.each([{ dest: '/x' }, { src: '/x' }, { src: '', dest: '/x' }])('names what is missing in %j', async (parameters) => {
    await expect(run('move-directory', parameters)).rejects.toThrow(/parameter "(src|dest)"/)
  })
})

describe('copy-file', () => {
  it('copies into folders that it makes, and tells what it did', async () => {
    const folder = await tempFolder()
    const src = join(folder, 'a.bin')
    const content = Buffer.alloc(3_000_000, 'framehouse')
    await writeFile(src, content, { mode: 0o640 })
    const dest = join(folder, 'x', 'y', 'b.bin')
    const context = await run('copy-file', { src, dest })
    expect((await readFile(dest)).equals(content)).toBe(true)
    expect((await stat(dest)).mode & 0o777).toBe(0o640)
    expect(await readdir(join(folder, 'x', 'y'))).toEqual(['b.bin'])
    expect(context.text).toBe(`copy-file: copying "${src}" to "${dest}"\ncopy-file: copied 3000000 bytes to "${dest}"\n`)
  })

  it('gives no damaged picture a new name', async () => {
    const folder = await tempFolder()
    const src = join(folder, 'a.png')
    await writeFile(src, Buffer.from('89504e470d0a1a0a0000', 'hex'))
    await expect(run('copy-file', { src, dest: join(folder, 'b.png') })).rejects.toThrow(`cannot copy "${src}": it is damaged: `)
    expect(await readdir(folder)).toEqual(['a.png'])
  })

  it('never overwrites, not even a link that leads nowhere', async () => {
    const folder = await tempFolder()
    const src = join(folder, 'a')
    await writeFile(src, 'new')
    await writeFile(join(folder, 'b'), 'old')
    await symlink(join(folder, 'nowhere'), join(folder, 'c'))
    await expect(run('copy-file', { src, dest: join(folder, 'b') })).rejects.toThrow('already exists, not copying')
    await expect(run('copy-file', { src, dest: join(folder, 'c') })).rejects.toThrow('already exists, not copying')
    expect(await readFile(join(folder, 'b'), 'utf8')).toBe('old')
  })

  it.each([
    [{ src: 'a', dest: '/b' }, 'parameter "src" must be an absolute path'],
    [{ src: '/etc/hostname', dest: 'b' }, 'parameter "dest" must be an absolute path'],
    [{ src: '/no/such/file', dest: '/tmp/b' }, 'cannot copy "/no/such/file": it does not exist'],
    [{ src: '/tmp', dest: '/tmp/b' }, 'cannot copy "/tmp": it is not a regular file'],
    [{ src: '/tmp' }, 'parameter "dest" is missing'],
  ])('refuses %j', async (parameters, message) => {
    await expect(run('copy-file', parameters)).rejects.toThrow(message)
  })

  it('leaves nothing behind when the task is stopped', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'a'), Buffer.alloc(50_000_000))
    const context = await recordedContext()
    context.alive = () => context.stop()
    await expect(runIn(context, 'copy-file', { src: join(folder, 'a'), dest: join(folder, 'out', 'b') })).rejects.toThrow(StoppedError)
    expect(await readdir(join(folder, 'out'))).toEqual([])
  })
})

it('there are no commands of other names', () => {
  expect(registry.find('rm')).toBeUndefined()
  expect(registry.find('constructor')).toBeUndefined()
})
