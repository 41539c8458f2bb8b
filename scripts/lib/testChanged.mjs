// `npm test -- --changed [COMMIT]`: types, style and tests of what changed since a commit, the working tree included. Without a commit
// it is the last one that this branch shares with main; on main, the last one of all.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { STEP_OF_PROJECT, check, knownSeconds, vitest } from './checks.mjs'
import { chooseTests, importersOf, needsBuilding, projectsOf } from './changed.mjs'
import { SetupError, checkNode, ensurePackages, root, setUp } from './setup.mjs'

/** For tests; types and style take the rest of the two minutes. */
const BUDGET_SECONDS = 60
const SOURCE = /\.(ts|mts|vue|js|mjs|cjs)$/

export async function testChanged({ commit, runStep, sumUp, say }) {
  const base = commit ?? baseCommit()
  const changed = changedSince(base)
  say(`Changed since ${git('rev-parse', '--short', base)}: ${changed.length === 0 ? 'nothing' : shortList(changed, 12)}`)
  if (changed.length === 0) return 0
  const { sources, others } = filesHere()
  const tests = [...sources.keys()].filter((file) => file.endsWith('.test.ts'))
  const { run, leftOut } = chooseTests({
    importers: importersOf(sources, others),
    changed,
    tests,
    seconds: knownSeconds(),
    budgetSeconds: BUDGET_SECONDS,
  })
  const isBuilt = needsBuilding(run)
  try {
    checkNode()
    ensurePackages(say)
    if (isBuilt) setUp(say)
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(error.message)
    return 1
  }

  const there = changed.filter((file) => existsSync(join(root, file)))
  const projects = projectsOf(changed)
  const linted = there.filter((file) => SOURCE.test(file) && !file.startsWith('resources/'))
  await Promise.all([
    projects.length > 0 && runStep({ name: 'types', run: () => check('scripts/typecheck.mjs', ...projects) }, `  ${projects.join(', ')}`),
    lintAndFormat(linted, there, runStep),
  ])
  const byProject = groupBy(run, projectOf)
  for (const [project, files] of byProject) {
    const all = tests.filter((file) => projectOf(file) === project).length
    // A suite that needs a build has it; any other makes one when it finds that it does.
    const suite = () => vitest(project, files, isBuilt ? undefined : {})
    await runStep({ name: STEP_OF_PROJECT[project] ?? project, run: suite }, `  ${files.length} of ${all} files`)
  }
  tellLeftOut(leftOut, say)
  return sumUp()
}

async function lintAndFormat(linted, there, runStep) {
  if (linted.length > 0) {
    const eslint = () => check('node_modules/eslint/bin/eslint.js', '--no-warn-ignored', ...linted)
    await runStep({ name: 'lint', run: eslint }, `  ${linted.length} files`)
  }
  if (there.length > 0) {
    const prettier = ['node_modules/prettier/bin/prettier.cjs', '--log-level', 'warn', '--check', '--ignore-unknown']
    await runStep({ name: 'format', run: () => check(...prettier, ...there) }, `  ${there.length} files`)
  }
}

function tellLeftOut(leftOut, say) {
  for (const [why, reason] of [
    ['time', 'are further away from the change than there is time for'],
    ['build', 'run the built program'],
  ]) {
    const files = leftOut.filter((each) => each.why === why).map(({ file }) => file)
    if (files.length > 0) say(`Left out: ${files.length} files of tests that ${reason}: ${shortList(files, 6)}`)
  }
  if (leftOut.length > 0) say('`npm test` runs everything.')
}

function baseCommit() {
  const head = git('rev-parse', 'HEAD')
  for (const main of ['main', 'origin/main']) {
    try {
      return git('merge-base', main, head)
    } catch {
      // No such branch here.
    }
  }
  return head
}

/** Paths below the root, with `/`, deleted ones too. */
function changedSince(base) {
  const tracked = git('diff', '--name-only', '--no-renames', base).split('\n')
  const fresh = git('ls-files', '--others', '--exclude-standard').split('\n')
  return [...new Set([...tracked, ...fresh])].filter(Boolean).sort()
}

function filesHere() {
  const sources = new Map()
  const others = []
  for (const folder of ['src', 'test', 'scripts', 'resources', 'docs']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const file = `${folder}/${name.replaceAll(sep, '/')}`
      if (SOURCE.test(file) && folder !== 'resources') sources.set(file, readFileSync(join(root, file), 'utf8'))
      else if (/\.\w+$/.test(file)) others.push(file)
    }
  }
  return { sources, others: [...others, 'package.json'] }
}

function projectOf(file) {
  return file.split('/')[1]
}

function groupBy(items, keyOf) {
  const groups = new Map()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

function shortList(items, limit) {
  const more = items.length - limit
  return items.slice(0, limit).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}
