import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { newQuickJSWASMModuleFromVariant, newVariant, RELEASE_SYNC } from 'quickjs-emscripten'
import { compileScript } from '../../../src/main/jobtypes/sandbox/compileScript.ts'
import { ScriptError } from '../../../src/main/jobtypes/sandbox/vm.ts'
import { createSandbox, SandboxError, type Sandbox } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { inputFor, scriptOf, tasksOf } from './support.ts'

const MB = 1_048_576
/** With little memory and all the time that a busy machine may take. */
let sandbox: Sandbox
/** With little time. */
let hurried: Sandbox

beforeAll(() => {
  sandbox = createSandbox({ log: silentLogger, memoryBytes: 64 * MB })
  hurried = createSandbox({ log: silentLogger, compileLimits: { timeMs: 1_500 }, graceMs: 1_500 })
})
afterAll(() => Promise.all([sandbox.stop(), hurried.stop()]))

/** Settings after a compileJob with this body. */
async function run(body: string, where = sandbox): Promise<Record<string, unknown>> {
  where.setFiles(new Map([['0/test.js', scriptOf(body)]]))
  return (await where.compile('0/test.js', inputFor('test'))).settings
}

/** Value of an expression in a script. */
async function value(expression: string): Promise<unknown> {
  return (await run(`job.settings.result = ${expression}`))['result']
}

async function failure(body: string, where = sandbox): Promise<SandboxError['failure']> {
  const error = await run(body, where).catch((caught: unknown) => caught)
  if (!(error instanceof SandboxError)) throw new Error(`expected a failure, got ${JSON.stringify(error)}`)
  return error.failure
}

describe('a script cannot reach out', () => {
  it.each([
    ['the global of Node', 'typeof global + typeof window + typeof Buffer + typeof fetch + typeof setTimeout + typeof XMLHttpRequest'],
    [
      'timers and workers',
      'typeof setInterval + typeof Worker + typeof WebAssembly + typeof importScripts + typeof queueMicrotask + typeof require.cache',
    ],
  ])('%s is not there', async (_name, expression) => {
    expect(String(await value(expression))).toMatch(/^(undefined)+$/)
  })

  it.each([
    [
      'constructor chain of an object',
      `({}).constructor.constructor('return typeof globalThis.process.mainModule + typeof globalThis.process.binding')()`,
    ],
    ['constructor chain of a host function', `print.constructor('return typeof process.env + typeof process.exit')()`],
    [
      'constructor chain of an author object',
      `author.Task('a', 'b').constructor.constructor('return typeof process.env + typeof globalThis.global')()`,
    ],
    [
      'constructor chain of the frames',
      `frameChunker('1-3', 1).constructor.constructor('return typeof process.versions + typeof process.env')()`,
    ],
    ['eval', `eval('typeof process.env + typeof process.kill')`],
    ['indirect eval', `(0, eval)('typeof process.env + typeof process.kill')`],
  ])('by the %s only the sandbox itself is found', async (_name, expression) => {
    expect(await value(expression)).toBe('undefinedundefined')
  })

  it('an error thrown by the host carries no host object', async () => {
    const seen = await value(
      `(() => {
        try { frameChunker('x', 1) } catch (e) { return e.constructor.constructor('return typeof process.env')() + e.constructor.name }
      })()`,
    )
    expect(seen).toBe('undefinedError')
  })

  it('dynamic import finds nothing', async () => {
    expect(await value(`import('node:fs').then(() => 'loaded') instanceof Promise`)).toBe(true)
  })

  it.each(['fs', 'node:fs', 'child_process', '/etc/passwd', '../../package.json', './../../secret', 'C:\\\\secret', '..', '.', ''])(
    'require(%j) finds nothing',
    async (name) => {
      expect((await failure(`require(${JSON.stringify(name)})`)).text).toContain('cannot find module')
    },
  )

  it('what a script does to built-in objects stays in its own run', async () => {
    await run(`Array.prototype.map = () => { throw new Error('poison') }; Object.prototype.poison = 1; globalThis.frameCount = null`)
    expect(await value(`[1].map((x) => x + 1).concat(({}).poison === undefined, typeof frameCount)`)).toEqual([2, true, 'function'])
  })

  it('poisoned serialisation reaches only the script', async () => {
    sandbox.setFiles(
      new Map([
        [
          '0/test.js',
          scriptOf(`
      JSON.stringify = () => '{"taskCount":1e9}'; JSON.parse = () => null
      Array.prototype.push = function () { return 0 }
      Object.prototype.toJSON = () => 'poison'
      const t = author.Task('a', 'b'); job.addTask(t)`),
        ],
      ]),
    )
    await expect(sandbox.compile('0/test.js', inputFor('test'))).rejects.toThrow(SandboxError)
    expect(await value('1')).toBe(1)
  })
})

describe('limits', () => {
  it.each([
    ['an endless loop', 'for (;;) {}'],
    ['an endless loop that catches everything', 'for (;;) { try { for (;;) {} } catch (e) {} finally { continue } }'],
    ['an endless generator', 'for (const x of (function* () { for (;;) yield 1 })()) {}'],
    ['a hopeless regular expression', `/^(a+)+$/.test('a'.repeat(60) + 'b')`],
    ['an error whose message never ends', `throw { get message() { for (;;) {} } }`],
    ['an endless getter', `Object.defineProperty(job, 'name', { get() { for (;;) {} } })`],
  ])('%s is ended', async (_name, body) => {
    expect(await failure(body, hurried)).toEqual({ kind: 'limit', text: expect.stringContaining('took longer than 1.5 s') as string })
  })

  it.each([
    ['an array that grows', `const all = []; for (;;) all.push('x'.repeat(100000) + all.length)`],
    ['a text that doubles', `let s = 'xxxxxxxx'; for (;;) s += s + '!'`],
    ['one huge array', 'new Uint8Array(2e9).fill(1)'],
    [
      'a memory bomb that catches',
      'const all = []; for (;;) { try { all.push(new Uint8Array(1e6)) } catch (e) { all.length = 0; throw e } }',
    ],
  ])('%s is refused its memory', async (_name, body) => {
    const { kind, text } = await failure(body)
    expect(text).toMatch(/memory|too long|Array|string/i)
    expect(['limit', 'script']).toContain(kind)
  })

  it.each([
    ['recursion without end', 'function f() { return f() + 1 }; f()'],
    ['deeply nested data', `let d = []; for (let i = 0; i < 300000; i++) d = [d]; job.settings.deep = d`],
    ['deeply nested JSON', `JSON.parse('['.repeat(500000))`],
    ['a deep regular expression', `new RegExp('('.repeat(100000) + ')'.repeat(100000))`],
    ['a getter that calls itself', `const o = { get a() { return this.a } }; o.a`],
    [
      'parameters that contain themselves',
      `const p = {}; p.p = p; const t = author.Task('a', 'b'); t.addCommand(author.Command('c', p)); job.addTask(t)`,
    ],
  ])('%s is an error and the next script runs', async (_name, body) => {
    const { text } = await failure(body)
    expect(text).not.toBe('')
    expect(await value('1 + 1')).toBe(2)
  })

  it('a million tasks and one are too many', async () => {
    const large = createSandbox({ log: silentLogger })
    const result = failure(`const t = author.Task('a', 'b'); for (let i = 0; i <= 1000000; i++) job.addTask(t)`, large)
    expect(await result.finally(() => large.stop())).toEqual({ kind: 'script', text: 'a job has at most 1000000 tasks' })
  }, 60_000)

  it('a chunk for every frame of a billion is refused before it is made', async () => {
    expect((await failure(`frameChunker('1-1000000000', 1)`)).text).toContain('more than 1000000 chunks')
  })

  it('printing without end keeps the first lines only', async () => {
    const lines: string[] = []
    const talkative = createSandbox({ log: { ...silentLogger, debug: (_facts, text) => lines.push(text) } })
    talkative.setFiles(new Map([['0/test.js', scriptOf(`for (let i = 0; i < 5000; i++) print('line', i, { a: 1 }, 'x'.repeat(9000))`)]]))
    await talkative.compile('0/test.js', inputFor('test'))
    await talkative.stop()
    expect(lines).toHaveLength(501)
    expect(lines[7]).toMatch(/^line 7 {"a":1} x+$/)
    expect(lines[7]?.length).toBe(2000)
  })
})

describe('the interpreter', () => {
  it('keeps nothing of scripts that failed', async () => {
    const memory = new WebAssembly.Memory({ initial: 256, maximum: 4096 })
    const module = await newQuickJSWASMModuleFromVariant(newVariant(RELEASE_SYNC, { wasmMemory: memory }))
    const bodies = [
      `const big = []; for (let i = 0; i < 20000; i++) big.push({ i }); throw new Error('no')`,
      `const t = author.Task('a', 'b'); t.addDependency(author.Task('c', 'd')); t.addCommand(author.Command('x', { big: 'x'.repeat(1e6) })); job.addTask(t)`,
      `const t = author.Task('a', 'b'); t.addCommand(author.Command('c', [1])); job.addTask(t)`,
      `require('nothing')`,
      `throw { get message() { throw 1 } }`,
    ]
    let after = 0
    for (let round = 0; round < 60; round++) {
      const files = new Map([['0/test.js', scriptOf(bodies[round % bodies.length] ?? '')]])
      const run = {
        module,
        files,
        file: '0/test.js',
        limits: { timeMs: 60_000 },
        facts: { cwd: '/', platform: 'linux', now: Date.now },
        lines: [],
      }
      expect(() => compileScript(run, inputFor('test'))).toThrow(ScriptError)
      if (round === 9) after = memory.buffer.byteLength
    }
    expect(memory.buffer.byteLength).toBe(after)
  })
})

describe('the thread', () => {
  let own: Sandbox | undefined
  afterEach(() => own?.stop())

  it('is killed when a script cannot be interrupted, and the next script gets a new one', async () => {
    // The script's own limit is far away: only the kill can end it.
    own = createSandbox({ log: silentLogger, compileLimits: { timeMs: 300 }, graceMs: 0 })
    own.setFiles(
      new Map([
        ['0/loop.js', scriptOf(`Array.prototype.indexOf.call({ length: 2 ** 52, get 0() { return 1 } }, 2)`)],
        ['0/ok.js', scriptOf('')],
      ]),
    )
    await expect(own.compile('0/loop.js', inputFor('loop'))).rejects.toThrow(/took longer than 0.3 s/)
    await expect(own.compile('0/ok.js', inputFor('ok'))).resolves.toMatchObject({ taskCount: 0 })
  })

  it('serves requests in turn', async () => {
    const turns = createSandbox({ log: silentLogger })
    own = turns
    turns.setFiles(new Map([['0/test.js', scriptOf(`const t = author.Task('task ' + job.name, 'misc'); job.addTask(t)`)]]))
    const jobs = await Promise.all(['a', 'b', 'c'].map((name) => turns.compile('0/test.js', inputFor('test', {}, { name }))))
    expect(jobs.map((job) => tasksOf(job)[0]?.name)).toEqual(['task a', 'task b', 'task c'])
  })

  it('a script that does not end does not hold up others: what waits for too long goes to a second thread', async () => {
    const shared = createSandbox({ log: silentLogger, patienceMs: 100, compileLimits: { timeMs: 600_000 } })
    own = shared
    shared.setFiles(
      new Map([
        ['0/loop.js', scriptOf('for (;;) {}')],
        ['0/ok.js', scriptOf('')],
      ]),
    )
    let isOver = false
    const endless = shared.compile('0/loop.js', inputFor('loop')).finally(() => (isOver = true))
    endless.catch(() => undefined)
    for (let round = 0; round < 3; round++) await expect(shared.compile('0/ok.js', inputFor('ok'))).resolves.toMatchObject({ taskCount: 0 })
    expect(isOver).toBe(false)
    await shared.stop()
    await expect(endless).rejects.toThrow('stopping')
  })

  it('refuses what waits when it is stopped', async () => {
    own = createSandbox({ log: silentLogger })
    own.setFiles(new Map([['0/test.js', scriptOf('for (;;) {}')]]))
    const waiting = [own.compile('0/test.js', inputFor('test')), own.compile('0/test.js', inputFor('test'))]
    const results = Promise.allSettled(waiting)
    await own.stop()
    expect((await results).map((result) => result.status === 'rejected' && (result.reason as SandboxError).failure.kind)).toEqual([
      'unavailable',
      'unavailable',
    ])
    await expect(own.describe('0/test.js')).rejects.toThrow('stopping')
  })
})
