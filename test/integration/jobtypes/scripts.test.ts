import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { InvalidInputError, NotFoundError } from '../../../src/main/engine/base/errors.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { createSandbox, type Sandbox } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import { JobTypeScripts } from '../../../src/main/jobtypes/scripts/scripts.ts'
import { createScriptHome, type ScriptHome } from './support.ts'

let sandbox: Sandbox
let home: ScriptHome
let scripts: JobTypeScripts

beforeAll(() => {
  sandbox = createSandbox({ log: silentLogger })
})
afterAll(() => sandbox.stop())
beforeEach(async () => {
  home = await createScriptHome({ sandbox })
  await home.write('shipped-one.js', named('shipped'), home.shipped)
  scripts = new JobTypeScripts(home.folder, home.catalog, () => home.shipped)
})
afterEach(() => home.close())

const named = (label: string) => `const JOB_TYPE = { label: '${label}' }; function compileJob() {}`

it('a saved script is a job type at once, and can be read and removed', async () => {
  expect(await scripts.save('my_type', named('mine'))).toMatchObject({ name: 'my-type', label: 'mine' })
  expect(await scripts.read('my_type')).toEqual({ source: named('mine'), shipped: false })
  await scripts.remove('my_type')
  await expect(scripts.read('my_type')).rejects.toThrow(NotFoundError)
  await expect(scripts.remove('my_type')).rejects.toThrow(NotFoundError)
})

it('one’s own takes the place of a shipped one until it is removed', async () => {
  expect(await scripts.read('shipped-one')).toMatchObject({ shipped: true })
  await scripts.save('shipped-one', named('own'))
  expect((await home.catalog.get('shipped-one')).label).toBe('own')
  await scripts.remove('shipped-one')
  expect((await home.catalog.get('shipped-one')).label).toBe('shipped')
})

it.each([
  ['const JOB_TYPE = {', 'SyntaxError'],
  ['const JOB_TYPE = { label: 1 }; function compileJob() {}', 'JOB_TYPE.label must be a text'],
  ['exports.nothing = 1', 'defines no object JOB_TYPE'],
])('%j is refused and what was there stays', async (source, message) => {
  await scripts.save('mine', named('good'))
  for (const name of ['mine', 'shipped-one', 'new']) {
    const error: unknown = await scripts.save(name, source).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(InvalidInputError)
    expect(error).toMatchObject({ field: '/source', message: expect.stringContaining(message) as string })
  }
  expect(await readdir(home.folder)).toEqual(['mine.js'])
  expect(await readFile(join(home.folder, 'mine.js'), 'utf8')).toBe(named('good'))
  expect((await home.catalog.list()).map(({ label }) => label)).toEqual(['good', 'shipped'])
})

it.each(['../escape', 'a/b', '', '.hidden', 'a.js', 'a b', 'x'.repeat(101)])('%j is no name', async (name) => {
  await expect(scripts.save(name, named('x'))).rejects.toMatchObject({ field: 'name' })
  await expect(scripts.read(name)).rejects.toMatchObject({ field: 'name' })
})
