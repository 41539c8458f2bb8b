import { describe, expect, it } from 'vitest'
// A plain script, so that it runs without a loader.
import { chooseTests, importersOf, projectsOf, reachOf } from '../../../scripts/lib/changed.mjs'

const SOURCES = new Map([
  ['src/main/a.ts', ''],
  ['src/main/b.ts', `import { a } from './a.ts'`],
  ['src/main/far.ts', `export * from './b.ts'`],
  ['src/main/store.ts', `const files = import.meta.glob<string>('./migrations/*.sql', { eager: true })`],
  ['src/main/thread.ts', `new Worker(new URL('./a.ts', import.meta.url))`],
  ['test/support/program.ts', ''],
  ['test/unit/a.test.ts', `import { a } from '../../src/main/a.ts'`],
  ['test/unit/b.test.ts', `import { b } from '../../src/main/b.ts'`],
  ['test/integration/far.test.ts', `import { far } from '../../src/main/far.ts'`],
  ['test/integration/store.test.ts', `const { files } = await import('../../src/main/store.ts')`],
  ['test/integration/cli.test.ts', `import '../support/program.ts'\nimport '../../src/main/b.ts'`],
  ['test/integration/jobType.test.ts', `submit({ type: 'demo-render' })`],
])
const OTHERS = ['src/main/migrations/0001_first.sql', 'src/main/migrations/deep/0001.sql', 'resources/job-types/demo-render.js']
const TESTS = [...SOURCES.keys()].filter((file) => file.endsWith('.test.ts'))
const importers = importersOf(SOURCES, OTHERS)
const choose = (changed: string[], budgetSeconds = 1_000) => chooseTests({ importers, changed, tests: TESTS, seconds: {}, budgetSeconds })

describe('what a change reaches', () => {
  it.each([
    ['src/main/a.ts', ['src/main/b.ts', 'src/main/thread.ts', 'src/main/far.ts', 'test/unit/a.test.ts']],
    ['src/main/migrations/0001_first.sql', ['src/main/store.ts', 'test/integration/store.test.ts']],
    ['resources/job-types/demo-render.js', ['test/integration/jobType.test.ts']],
  ])('%s', (changed, reached) => expect([...reachOf(importers, [changed]).keys()]).toEqual(expect.arrayContaining(reached)))

  it('of a pattern of files only those that it names', () => {
    expect([...reachOf(importers, ['src/main/migrations/deep/0001.sql']).keys()]).not.toContain('src/main/store.ts')
  })
})

describe('the tests that run', () => {
  it('are the nearest first', () => {
    expect(choose(['src/main/a.ts']).run).toEqual(['test/unit/a.test.ts', 'test/unit/b.test.ts', 'test/integration/far.test.ts'])
  })

  it('are as many as there is time for; the rest is named', () => {
    const { run, leftOut } = choose(['src/main/a.ts'], 2)
    expect(run).toEqual(['test/unit/a.test.ts', 'test/unit/b.test.ts'])
    expect(leftOut).toContainEqual({ file: 'test/integration/far.test.ts', why: 'time' })
  })

  it('leave out those that run the built program, unless they changed themselves', () => {
    expect(choose(['src/main/b.ts']).leftOut).toEqual([{ file: 'test/integration/cli.test.ts', why: 'build' }])
    expect(choose(['test/integration/cli.test.ts'], 0).run).toEqual(['test/integration/cli.test.ts'])
  })

  it('are none for what no test imports', () => expect(choose(['docs/cli.md'])).toEqual({ run: [], leftOut: [] }))
})

it.each([
  [['src/main/a.ts'], ['.']],
  [['test/integration/a.test.ts'], ['.']],
  [['test/support/a.ts'], ['.', 'test/e2e', 'test/electron']],
  [['src/renderer/App.vue'], ['src/renderer']],
  [['src/shared/ids.ts'], ['.', 'src/renderer', 'src/preload']],
  [['test/e2e/a.test.ts'], ['test/e2e']],
  [['test/unit/renderer/a.test.ts'], ['src/renderer']],
  [['docs/cli.md', 'scripts/dev.mjs'], []],
])('the types of %j are checked by %j', (changed, projects) => expect(projectsOf(changed)).toEqual(projects))
