import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { createSandbox, SandboxError, type Sandbox } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import type { CompiledJob } from '../../../src/main/engine/base/compiledJob.ts'
import { CREATED_AT, inputFor, scriptOf, tasksOf } from './support.ts'

let sandbox: Sandbox
const lines: { level: string; text: string }[] = []

beforeAll(() => {
  sandbox = createSandbox({
    log: {
      ...silentLogger,
      debug: (_facts, text) => lines.push({ level: 'debug', text }),
      warn: (_facts, text) => lines.push({ level: 'warn', text }),
    },
  })
})
afterAll(() => sandbox.stop())

function compile(body: string, changes: Parameters<typeof inputFor>[2] = {}, more: [string, string][] = []): Promise<CompiledJob> {
  sandbox.setFiles(new Map([['0/test.js', scriptOf(body)], ...more]))
  return sandbox.compile('0/test.js', inputFor('test', {}, changes))
}

/** Values of many expressions in one run. */
async function values(expressions: readonly string[]): Promise<unknown[]> {
  const { settings } = await compile(`job.settings.all = [${expressions.map((expression) => `(${expression})`).join(',\n')}]`)
  return settings['all'] as unknown[]
}

async function failureText(body: string): Promise<string> {
  const error: unknown = await compile(body).catch((caught: unknown) => caught)
  return error instanceof SandboxError ? error.failure.text : `no failure: ${JSON.stringify(error)}`
}

describe('path', () => {
  const table: [string, unknown][] = [
    [`path.basename('/a/b.txt')`, 'b.txt'],
    [`path.basename('/a/b/')`, 'b'],
    [`path.basename('C:\\\\a\\\\b.txt')`, 'b.txt'],
    [`path.basename('')`, '.'],
    [`path.basename('///')`, '/'],
    [`path.basename('b')`, 'b'],
    [`path.dirname('/a/b.txt')`, '/a'],
    [`path.dirname('/a/b/')`, '/a/b'],
    [`path.dirname('')`, '.'],
    [`path.dirname('b.txt')`, '.'],
    [`path.dirname('/')`, '/'],
    [`path.dirname('/x')`, '/'],
    [`path.dirname('C:\\\\x')`, 'C:'],
    [`path.dirname('\\\\\\\\SERVER\\\\mount\\\\x')`, '//SERVER/mount'],
    [`path.dirname('/a/../b//c')`, '/a/../b/'],
    [`path.join()`, ''],
    [`path.join('')`, ''],
    [`path.join('a', '', 'b')`, 'a/b'],
    [`path.join('/a/', '/b')`, '/a/b'],
    [`path.join('a', '../../b')`, '../b'],
    [`path.join('/a', '../../b')`, '/b'],
    [`path.join('a', '..')`, '.'],
    [`path.join('.', 'a', '.', 'b')`, 'a/b'],
    [`path.join('\\\\\\\\SERVER', 'mount')`, '//SERVER/mount'],
    [`path.join('C:\\\\dir', 'x')`, 'C:/dir/x'],
    [`path.stem('/a/b.tar.gz')`, 'b.tar'],
    [`path.stem('/a/b')`, 'b'],
    [`path.stem('a.flamenco.blend')`, 'a.flamenco'],
    [`path.stem('C:\\\\a\\\\b.blend')`, 'b'],
    [`require('path') === path`, true],
  ]
  it('follows its table', async () => {
    const results = await values(table.map(([expression]) => expression))
    expect(table.map(([expression], index) => [expression, results[index]])).toEqual(table)
  })
})

describe('shellSplit', () => {
  const table: [string, string[]][] = [
    ['', []],
    ['  ', []],
    ['a b  c\td\n', ['a', 'b', 'c', 'd']],
    [`'a b' "c d"`, ['a b', 'c d']],
    [`a'b c'd`, ['ab cd']],
    [`"a \\"b\\" c"`, ['a "b" c']],
    [`'a\\b'`, ['a\\b']],
    ['a\\ b', ['a b']],
    [`'' ""`, ['', '']],
    ['a # comment\nb', ['a', 'b']],
    ['a#b', ['a#b']],
    ['# all of it', []],
    ['--python-expr "import bpy; print(1)" -- x', ['--python-expr', 'import bpy; print(1)', '--', 'x']],
    ['é "ü ß"', ['é', 'ü ß']],
  ]
  it('follows its table', async () => {
    expect(await values(table.map(([line]) => `shellSplit(${JSON.stringify(line)})`))).toEqual(table.map(([, words]) => words))
  })

  it.each([`'open`, `"open`, 'end\\'])('refuses %j', async (line) => {
    expect(await failureText(`shellSplit(${JSON.stringify(line)})`)).toMatch(/is not closed|nothing follows the backslash/)
  })
})

describe('frames and times', () => {
  it('frameChunker and frameCount use the same grammar', async () => {
    expect(
      await values([
        `frameChunker('1..10,20..25,40,3..8', 4)`,
        `frameCount('1..10,20..25,40,3..8')`,
        `frameCount('7')`,
        `frameCount(7)`,
        `frameCount('0-9999999')`,
      ]),
    ).toEqual([['1-4', '5-8', '9,10,20,21', '22-25', '40'], 17, 1, 1, 10_000_000])
  })

  it.each([
    `frameChunker('', 1)`,
    `frameChunker('1-10', 0)`,
    `frameChunker('1-10')`,
    `frameChunker('1,', 1)`,
    `frameCount('x')`,
    `frameCount()`,
  ])('%s is an exception with a reason', async (expression) => {
    expect(await failureText(expression)).toContain('invalid range')
  })

  it('formatTimestampLocal takes the time of the job, dates and numbers', async () => {
    expect(
      await values([
        'formatTimestampLocal(job.created)',
        `formatTimestampLocal(new Date(${CREATED_AT}))`,
        `formatTimestampLocal(${CREATED_AT})`,
      ]),
    ).toEqual(['2026-03-04_050607', '2026-03-04_050607', '2026-03-04_050607'])
    expect(await failureText(`formatTimestampLocal('never')`)).toContain('not a time')
  })

  it('process tells folder and platform and nothing else', async () => {
    expect(await values(['process.cwd()', 'process.platform', 'Object.keys(process)', `require('process') === process`])).toEqual([
      process.cwd(),
      process.platform === 'win32' ? 'windows' : process.platform,
      ['cwd', 'platform'],
      true,
    ])
  })
})

describe('print and alert', () => {
  it('write to the log at their levels', async () => {
    lines.length = 0
    await compile(`print('a', 1, { b: [2] }, undefined, null); alert('careful', new Error('x')); if (print() !== undefined) throw 1`)
    expect(lines).toEqual([
      { level: 'debug', text: 'a 1 {"b":[2]} undefined null' },
      { level: 'warn', text: 'careful Error: x' },
      { level: 'debug', text: '' },
    ])
  })
})

describe('author and job', () => {
  it('the job shows what was submitted, by the names that scripts know', async () => {
    const { settings } = await compile(
      `job.settings = { ...job.settings, seen: [
        job.jobID, job.workerTagUUID, job.name, job.jobType, job.priority, job.status, job.metadata,
        job.storage.shamanCheckoutID, job.tasks.length,
      ] }`,
      { workerTag: 'tag', checkoutId: 'checkout', metadata: { project: 'Sprite' }, priority: 70 },
    )
    expect(settings['seen']).toEqual([
      '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b',
      'tag',
      'A job',
      'test',
      70,
      'under-construction',
      { project: 'Sprite' },
      'checkout',
      0,
    ])
  })

  it('settings, metadata, name, priority and output folder are kept as the script leaves them', async () => {
    const job = await compile(`
      job.settings.added = { a: [1, null, 'ü'] }; delete job.settings.gone
      job.metadata.frames = 12
      job.name += ' (render)'; job.priority = 80; job.outputDir = '/out'`)
    expect(job).toMatchObject({
      settings: { added: { a: [1, null, 'ü'] } },
      metadata: { frames: '12' },
      name: 'A job (render)',
      priority: 80,
      outputDir: '/out',
    })
  })

  it('tasks carry name, type, priority, commands and dependencies in the order of addTask', async () => {
    const job = await compile(`
      const a = author.Task('  a  ', ' misc ')
      a.addCommand(author.Command('echo', { message: 'hi', list: [1, 'x', null, true, { deep: 1.5 }] }))
      a.priority = 90
      const b = author.Task('b', 'blender')
      b.addDependency(a)
      b.addCommand(author.Command('one', {}, 3))
      b.addCommand(author.Command('two', { x: undefined }, 4))
      job.addTask(b)
      job.addTask(a)`)
    expect(tasksOf(job)).toEqual([
      {
        index: 1,
        name: 'b',
        kind: 'blender',
        priority: 50,
        steps: 7,
        dependsOn: [2],
        commands: [
          { name: 'one', parameters: {}, totalStepCount: 3 },
          { name: 'two', parameters: {}, totalStepCount: 4 },
        ],
      },
      {
        index: 2,
        name: 'a',
        kind: 'misc',
        priority: 90,
        steps: 1,
        dependsOn: [],
        commands: [{ name: 'echo', parameters: { message: 'hi', list: [1, 'x', null, true, { deep: 1.5 }] }, totalStepCount: 0 }],
      },
    ])
    expect(job).toMatchObject({ taskCount: 2, stepsTotal: 8, kinds: ['blender', 'misc'] })
  })

  it('addTask copies: what is added or changed later is not part of the job', async () => {
    const job = await compile(`
      const first = author.Task('first', 'misc'); job.addTask(first)
      const t = author.Task('t', 'misc'); t.addCommand(author.Command('kept', {}))
      job.addTask(t)
      t.addCommand(author.Command('lost', {})); t.addDependency(first); t.name = 'other'; t.priority = 1
      t.addCommand(author.Command('lost too', {}))
      if (t.commands.length !== 3 || t.dependencies.length !== 1) throw new Error('the task itself goes on')`)
    expect(tasksOf(job)[1]).toMatchObject({ name: 't', priority: 50, dependsOn: [], commands: [{ name: 'kept' }] })
  })

  it('job.tasks are the copies, and can be changed', async () => {
    const job = await compile(`
      const a = author.Task('a', 'misc'); job.addTask(a)
      job.tasks[0].priority = 77
      job.tasks[0].addCommand(author.Command('late', {}))
      const b = author.Task('b', 'misc'); b.addDependency(a); job.addTask(b)
      if (job.tasks.length !== 2 || a.commands.length !== 0 || a.uUID !== job.tasks[0].uUID || a.uUID === b.uUID) throw new Error('wrong')`)
    expect(tasksOf(job)).toMatchObject([
      { name: 'a', priority: 77, commands: [{ name: 'late' }] },
      { name: 'b', dependsOn: [1] },
    ])
  })

  it.each([
    [`author.Task('', 'x')`, 'author.Task(name, type): name is required'],
    [`author.Task('  ', 'x')`, 'author.Task(name, type): name is required'],
    [`author.Task('x')`, 'author.Task(name, type): type is required'],
    [`job.addTask(null)`, 'TypeError: job.addTask(task): a task made by author.Task is required'],
    [`author.Task('a', 'b').addDependency({})`, 'TypeError: task.addDependency(task): a task made by author.Task is required'],
    [`author.Task('a', 'b').addCommand()`, 'TypeError: task.addCommand(command): command is required'],
    [`const t = author.Task('a', 'b'); job.addTask(t); job.addTask(t)`, 'task "a" was added to the job twice'],
    [
      `const t = author.Task('a', 'b'); t.addDependency(author.Task('c', 'd')); job.addTask(t)`,
      'task "a" depends on task "c", which was not added to the job',
    ],
    [
      `const a = author.Task('a', 'x'), b = author.Task('b', 'x'); a.addDependency(b); b.addDependency(a); job.addTask(a); job.addTask(b)`,
      'in a circle: "a" → "b" → "a"',
    ],
    [`const a = author.Task('a', 'x'); a.addDependency(a); job.addTask(a)`, 'task "a" depends on itself'],
    [`const t = author.Task('a', 'b'); t.priority = 'high'; job.addTask(t)`, 'task "a": its priority must be a number'],
    [
      `const t = author.Task('a', 'b'); t.addCommand(author.Command('c', [1])); job.addTask(t)`,
      'task "a", command 1: its parameters must be an object',
    ],
    [
      `const t = author.Task('a', 'b'); t.addCommand(author.Command('c', {}, -1)); job.addTask(t)`,
      'task "a", command 1: totalStepCount must be a number from 0 on',
    ],
    [`const t = author.Task('a', 'b'); t.commands = 7; job.addTask(t)`, 'task "a"'],
    [`const t = author.Task('x'.repeat(2000), 'b'); job.addTask(t)`, 'its name has more than 1000 characters'],
    [`job.settings = 7`, 'job.settings must be an object'],
  ])('%s is refused', async (body, message) => {
    expect(await failureText(body)).toContain(message)
  })
})

describe('errors', () => {
  it.each([
    [`throw new Error('not like this')`, 'not like this'],
    [`throw 'plain words'`, 'plain words'],
    [`throw { message: 'an object' }`, 'an object'],
    [`throw { a: 1 }`, '{"a":1}'],
    [`nothing.here()`, `ReferenceError: 'nothing' is not defined (test.js:3)`],
    [`\n\nundefinedVariable = 1`, `ReferenceError: 'undefinedVariable' is not defined (test.js:5)`],
    [`require('lib/broken')`, `ReferenceError: 'missing' is not defined (lib/broken.js:2)`],
  ])('%s is reported in its own words', async (body, text) => {
    const error: unknown = await compile(body, {}, [['0/lib/broken.js', '// first\nmissing()\n']]).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ failure: { kind: 'script', text } })
  })

  it('an error may name the setting that it is about', async () => {
    await expect(compile(`throw Object.assign(new Error('too odd'), { setting: 'frames' })`)).rejects.toMatchObject({
      failure: { text: 'too odd', setting: 'frames' },
    })
  })
})

describe('require', () => {
  const files: [string, string][] = [
    [
      '0/lib/names.js',
      `exports.hello = (who) => 'hello ' + who + require('./deep/more').mark
      exports.strict = (function () { return this === undefined })()`,
    ],
    [
      '0/lib/deep/more.js',
      `const names = require('../names'); module.exports = { mark: '!', circular: typeof names }; count = typeof count`.replace(
        /; count.*/,
        '',
      ),
    ],
    ['0/lib/index.js', `module.exports = class Tool { id() { return __filename + ' ' + __dirname } }`],
    ['0/data.json', `{ "list": [1, 2] }`],
    ['1/shipped.js', `exports.from = 'shipped'`],
    ['1/both.js', `exports.from = 'shipped'`],
    ['0/both.js', `exports.from = 'users'`],
  ]
  it.each<[string, unknown]>([
    [`require('lib/names').hello('you')`, 'hello you!'],
    [`require('./lib/names.js').strict`, true],
    [`require('lib/deep/more').circular`, 'object'],
    [`new (require('lib'))().id()`, '0/lib/index.js 0/lib'],
    [`require('./data').list`, [1, 2]],
    [`require('data.json').list.length`, 2],
    [`require('shipped').from`, 'shipped'],
    [`require('both').from`, 'users'],
    [`require('lib/names') === require('./lib/names')`, true],
    [`require('author') === author`, true],
  ])('%s', async (expression, expected) => {
    const { settings } = await compile(`job.settings.result = ${expression}`, {}, files)
    expect(settings['result']).toEqual(expected)
  })
})

describe('the language', () => {
  it('top-level const, modern syntax and strict mode work', async () => {
    sandbox.setFiles(
      new Map([
        [
          '0/test.js',
          `
      const JOB_TYPE = { label: 'L', settings: [] }
      const compileJob = (job) => {
        const { a = 1, ...rest } = { b: 2 }
        const strict = (function () { return this === undefined })()
        job.settings.result = [a, rest.b ?? 0, [...new Set([1, 1, 2])], 'a-b'.replaceAll('-', '..'), strict, \`\${1 + 1}\`]
      }`,
        ],
      ]),
    )
    expect(await sandbox.describe('0/test.js')).toEqual({ label: 'L', settings: [] })
    expect((await sandbox.compile('0/test.js', inputFor('test'))).settings['result']).toEqual([1, 2, [1, 2], 'a..b', true, '2'])
  })

  it.each([
    ['', 'defines no object JOB_TYPE'],
    ['const JOB_TYPE = 1; function compileJob() {}', 'defines no object JOB_TYPE'],
    ['const JOB_TYPE = {}', 'defines no function compileJob'],
    ['const JOB_TYPE = {', 'SyntaxError'],
    ['JOB_TYPE = {}', `ReferenceError: 'JOB_TYPE' is not defined (test.js:1)`],
  ])('%j is no job type', async (text, message) => {
    sandbox.setFiles(new Map([['0/test.js', text]]))
    await expect(sandbox.describe('0/test.js')).rejects.toThrow(message)
  })
})

describe('handing over many tasks', () => {
  it('is exact for tasks of all kinds of shapes', async () => {
    const shapes = `
      const shapes = [
        (n) => ({ a: n, b: 'same', list: ['x', n, 'y'], empty: [], none: {}, deep: { deeper: [{ n }] } }),
        (n) => ({ a: 'text ' + n, b: 'same', list: ['x', n % 3 ? 'y' : null, 'y'], empty: [], none: {}, deep: { deeper: [{ n: true }] } }),
        (n) => ({ a: n, list: Array.from({ length: n % 4 }, (_, i) => i) }),
        (n) => ({ a: undefined, b: n % 2 ? undefined : n, c: [undefined, n] }),
        (n) => ({ a: n % 2 ? {} : [], b: n % 3 ? NaN : 1.5, c: new Date(0), d: { toJSON: () => n } }),
        (n) => JSON.parse('{"__proto__":' + n + ',"constructor":"c","1":1,"0":' + n + '}'),
        (n) => ({ ['key' + n]: n }),
      ]
      const all = []
      for (let n = 0; n < 700; n++) {
        const t = author.Task('t' + n, 'misc')
        t.addCommand(author.Command('c' + (n % 2), shapes[n % shapes.length](n), n % 5))
        if (n % 3 === 0) t.addCommand({ totalStepCount: 1, name: 'raw', parameters: { n } })
        job.addTask(t)
        all.push(t.commands)
      }
      job.settings.expected = JSON.stringify(all)`
    const job = await compile(shapes)
    const expected = (JSON.parse(String(job.settings['expected'])) as { name: string; parameters: object; totalStepCount: number }[][]).map(
      (list) => list.map(({ name, parameters, totalStepCount }) => ({ name, parameters, totalStepCount })),
    )
    // As text: the order of keys counts too.
    expect(JSON.stringify(tasksOf({ ...job, groupDependencySlices: [] }).map(({ commands }) => commands))).toBe(JSON.stringify(expected))
  })
})
