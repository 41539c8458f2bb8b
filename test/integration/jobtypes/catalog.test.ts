import { mkdir, rm, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NotFoundError, InvalidInputError, UnavailableError } from '../../../src/main/engine/base/errors.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { shippedScriptsFolder } from '../../../src/main/jobtypes/scripts/catalog.ts'
import { createSandbox, type Sandbox } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import { createScriptHome, inputFor, scriptOf, tasksOf, type ScriptHome } from './support.ts'

let home: ScriptHome
const warnings: string[] = []

let sandbox: Sandbox
beforeAll(() => {
  sandbox = createSandbox({ log: silentLogger, describeLimits: { timeMs: 1_500 } })
})
afterAll(() => sandbox.stop())

beforeEach(async () => {
  warnings.length = 0
  home = await createScriptHome({ sandbox }, { ...silentLogger, warn: (facts, text) => warnings.push(`${JSON.stringify(facts)} ${text}`) })
})
afterEach(() => home.close())

const named = (label: string) =>
  `const JOB_TYPE = { label: ${JSON.stringify(label)} }; function compileJob(job) { job.settings.by = ${JSON.stringify(label)} }`

async function labels(): Promise<Record<string, string>> {
  return Object.fromEntries((await home.catalog.list()).map(({ name, label }) => [name, label]))
}

describe('folders', () => {
  it('without any folder there is no job type and nothing broken', async () => {
    expect(await home.catalog.list()).toEqual([])
    expect(await home.catalog.broken()).toEqual([])
  })

  it('a script of the users takes the place of a shipped one of the same name', async () => {
    await home.write('render_it.js', named('shipped'), home.shipped)
    await home.write('other.js', named('other'), home.shipped)
    expect(await labels()).toEqual({ other: 'other', 'render-it': 'shipped' })
    await home.write('render-it.js', named('own'))
    expect(await labels()).toEqual({ other: 'other', 'render-it': 'own' })
    expect((await home.catalog.compile(inputFor('render-it'))).settings['by']).toBe('own')
    await rm(join(home.folder, 'render-it.js'))
    expect(await labels()).toEqual({ other: 'other', 'render-it': 'shipped' })
  })

  it('only scripts at the top of a folder are job types', async () => {
    await home.write('one.js', named('one'))
    await home.write('sub/two.js', named('two'))
    await home.write('lib.js', 'exports.help = 1')
    await home.write('notes.txt', 'JOB_TYPE')
    await home.write('.hidden.js', named('hidden'))
    await home.write('tiny.js', '//x')
    await mkdir(join(home.folder, 'folder.js'))
    expect(await labels()).toEqual({ one: 'one' })
    expect(await home.catalog.broken()).toEqual([])
  })

  it('a link to a script is a script, a link to nothing is none', async () => {
    await home.write('elsewhere/real.js', named('linked'))
    await symlink(join(home.folder, 'elsewhere', 'real.js'), join(home.folder, 'link.js'))
    await symlink(join(home.folder, 'nowhere.js'), join(home.folder, 'dead.js'))
    expect(await labels()).toEqual({ link: 'linked' })
  })

  it('the shipped folder is found upwards from source and from a bundle', () => {
    const root = join(import.meta.dirname, '..', '..', '..')
    expect(shippedScriptsFolder()).toBe(join(root, 'resources', 'job-types'))
    expect(shippedScriptsFolder(join(root, 'out', 'main'))).toBe(join(root, 'resources', 'job-types'))
    expect(() => shippedScriptsFolder('/')).toThrow('no folder resources/job-types')
  })
})

describe('reloading', () => {
  it('a changed script is read again, with a new etag', async () => {
    await home.write('a.js', named('one'))
    const before = await home.catalog.get('a')
    await home.write('a.js', named('two'))
    const after = await home.catalog.get('a')
    expect([before.label, after.label]).toEqual(['one', 'two'])
    expect(after.etag).not.toBe(before.etag)
    expect((await home.catalog.compile(inputFor('a'))).settings['by']).toBe('two')
  })

  it('a change that keeps length and time is seen too', async () => {
    await home.write('a.js', named('one'))
    await utimes(join(home.folder, 'a.js'), 1000, 1000)
    expect(await labels()).toEqual({ a: 'one' })
    await home.write('a.js', named('two'))
    await utimes(join(home.folder, 'a.js'), 1000, 1000)
    expect(await labels()).toEqual({ a: 'two' })
  })

  it('a changed module changes the scripts that require it', async () => {
    await home.write('lib/label.js', `exports.label = 'one'`)
    await home.write('a.js', `const JOB_TYPE = { label: require('lib/label').label }; function compileJob() {}`)
    expect(await labels()).toEqual({ a: 'one' })
    await home.write('lib/label.js', `exports.label = 'two'`)
    expect(await labels()).toEqual({ a: 'two' })
  })

  it('nothing is read again while nothing changes', async () => {
    await home.write('a.js', named('one'))
    const [first, second] = [await home.catalog.get('a'), await home.catalog.get('a')]
    expect(second).toBe(first)
  })

  it('many callers at once cause one look', async () => {
    await home.write('a.js', named('one'))
    const found = await Promise.all(Array.from({ length: 50 }, () => home.catalog.get('a')))
    expect(new Set(found).size).toBe(1)
  })
})

describe('broken scripts', () => {
  it('are reported with the reason, logged, and the others work', async () => {
    await home.write('good.js', named('good'))
    await home.write('syntax.js', 'const JOB_TYPE = {\n  label: oops oops\n}')
    await home.write('throws.js', 'const JOB_TYPE = {}; throw new Error("not today")')
    await home.write('endless.js', 'const JOB_TYPE = {}; for (;;) {}')
    await home.write('nothing.js', 'const JOB_TYPE = { label: "x" }')
    await home.write('typed.js', `const JOB_TYPE = { label: 'x', settings: [{ key: 'k', type: 'number' }] }; function compileJob() {}`)
    await home.write('twin_a.js', named('a'))
    await home.write('twin-a.js', named('b'))
    expect(Object.keys(await labels())).toEqual(['good', 'twin-a'])
    const broken = Object.fromEntries((await home.catalog.broken()).map(({ file, message }) => [file, message]))
    expect(broken).toEqual({
      'syntax.js': expect.stringMatching(/^SyntaxError: .* \(syntax\.js:2\)$/) as string,
      'throws.js': 'not today',
      'endless.js': 'the script took longer than 1.5 s',
      'nothing.js': 'the script defines no function compileJob(job)',
      'typed.js': 'setting "k": type must be one of string, int32, float, bool',
      'twin_a.js': '"twin-a.js" has the same job type name, "twin-a"',
    })
    expect(warnings).toHaveLength(6)
  })

  it('a broken script of the users hides the shipped one: it must not be taken for it', async () => {
    await home.write('a.js', named('shipped'), home.shipped)
    await home.write('a.js', 'const JOB_TYPE = oops')
    expect(await labels()).toEqual({})
    await home.write('a.js', named('mended'))
    expect(await labels()).toEqual({ a: 'mended' })
    expect(await home.catalog.broken()).toEqual([])
  })

  it('a script that is too large is reported', async () => {
    await home.write('large.js', `${named('large')}\n//${'x'.repeat(2_000_000)}`)
    expect(await home.catalog.broken()).toEqual([{ file: 'large.js', message: 'larger than 2 MB' }])
  })
})

describe('compile', () => {
  it('runs the script of the type', async () => {
    await home.write('a.js', scriptOf(`const t = author.Task('t', 'misc'); job.addTask(t)`))
    expect(tasksOf(await home.catalog.compile(inputFor('a'))).map(({ name }) => name)).toEqual(['t'])
  })

  it('an unknown type is not found', async () => {
    await expect(home.catalog.compile(inputFor('nothing'))).rejects.toThrow(NotFoundError)
    await expect(home.catalog.get('__proto__')).rejects.toThrow(NotFoundError)
  })

  it.each<[string, { field: string; message: string }]>([
    [`throw new Error('frames make no sense')`, { field: 'settings', message: 'frames make no sense' }],
    [`throw Object.assign(new Error('too odd'), { setting: 'frames' })`, { field: 'settings.frames', message: 'too odd' }],
    [`const t = author.Task('a', 'b'); t.addDependency(t); job.addTask(t)`, { field: 'type', message: 'task "a" depends on itself' }],
  ])('%s is the input that is wrong', async (body, error) => {
    await home.write('a.js', scriptOf(body))
    const caught: unknown = await home.catalog.compile(inputFor('a')).catch((thrown: unknown) => thrown)
    expect(caught).toBeInstanceOf(InvalidInputError)
    expect(caught).toMatchObject(error)
  })

  it('a farm that stops is unavailable, which is not an input error', async () => {
    const stopping = await createScriptHome()
    await stopping.write('a.js', scriptOf(''))
    await stopping.catalog.get('a')
    await stopping.sandbox.stop()
    await expect(stopping.catalog.compile(inputFor('a'))).rejects.toThrow(UnavailableError)
    await stopping.write('b.js', scriptOf(''))
    await expect(stopping.catalog.list()).rejects.toThrow(UnavailableError)
    await stopping.close()
  })
})
