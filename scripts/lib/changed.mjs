// Which tests a change touches: those that import what changed, the nearest first, as many as there is time for. Pure.
import { posix } from 'node:path'

/** Seconds that a file of tests takes when there is no measurement. */
const USUAL_SECONDS = { unit: 1, integration: 15, conformance: 20, e2e: 40, electron: 40 }
/** Files of tests that run at once (vitest.config.ts). */
const AT_ONCE = 2
/** Tests that run the built program. */
const NEED_BUILD = /^test\/(e2e|electron)\/|^test\/support\/(program|guiFarm|managerProcess|cliProcess|lan)\.ts$/
/** A name that occurs in more files than this says nothing. */
const FEW = 12

const SPECIFIER = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\(\s*|new URL\(\s*|import\.meta\.glob(?:<[^>]*>)?\(\s*)['"](\.{1,2}\/[^'"?]*)/g

/**
 * Who imports whom. What is no source (job types, documents, SQL) counts as imported by those few that name it.
 * @param {Map<string, string>} sources texts by path below the root, with `/`
 * @param {readonly string[]} others paths of other files
 * @returns {Map<string, Set<string>>} importers by file
 */
export function importersOf(sources, others) {
  const importers = new Map()
  const add = (file, importer) => importers.set(file, (importers.get(file) ?? new Set()).add(importer))
  for (const [file, text] of sources) {
    for (const [, specifier] of text.matchAll(SPECIFIER)) {
      const target = posix.join(posix.dirname(file), specifier)
      if (!target.includes('*')) add(target, file)
      else for (const other of others) if (fits(other, target)) add(other, file)
    }
  }
  for (const other of others) {
    const name = posix.basename(other).replace(/\.\w+$/, '')
    const namedBy = [...sources].filter(([, text]) => text.includes(other) || text.includes(`'${name}'`)).map(([file]) => file)
    if (namedBy.length <= FEW) for (const file of namedBy) add(other, file)
  }
  return importers
}

/**
 * Steps from the nearest changed file to each file that a change reaches; 0: it changed itself.
 * @param {Map<string, Set<string>>} importers
 * @param {readonly string[]} changed
 */
export function reachOf(importers, changed) {
  const steps = new Map(changed.map((file) => [file, 0]))
  for (const file of steps.keys()) {
    for (const importer of importers.get(file) ?? []) if (!steps.has(importer)) steps.set(importer, steps.get(file) + 1)
  }
  return steps
}

/**
 * @param {{ importers: Map<string, Set<string>>, changed: readonly string[], tests: readonly string[],
 *           seconds: Readonly<Record<string, number>>, budgetSeconds: number }} options `tests`: all files of tests
 * @returns {{ run: string[], leftOut: { file: string, why: 'time' | 'build' }[] }}
 */
export function chooseTests({ importers, changed, tests, seconds, budgetSeconds }) {
  const steps = reachOf(importers, changed)
  const needsBuild = new Set([
    ...reachOf(
      importers,
      [...importers.keys()].filter((file) => NEED_BUILD.test(file)),
    ).keys(),
  ])
  const cost = (file) => seconds[file] ?? USUAL_SECONDS[file.split('/')[1]] ?? 1
  const touched = tests
    .filter((file) => steps.has(file))
    .sort((a, b) => steps.get(a) - steps.get(b) || cost(a) - cost(b) || (a < b ? -1 : 1))
  const run = []
  const leftOut = []
  let left = budgetSeconds * AT_ONCE
  for (const file of touched) {
    const isChanged = steps.get(file) === 0
    if (!isChanged && (needsBuild.has(file) || NEED_BUILD.test(file))) leftOut.push({ file, why: 'build' })
    else if (!isChanged && cost(file) > left) leftOut.push({ file, why: 'time' })
    else {
      run.push(file)
      left -= cost(file)
    }
  }
  return { run, leftOut }
}

/** The kinds of tests (projects of vitest) that run the built program. */
export function needsBuilding(files) {
  return files.some((file) => NEED_BUILD.test(file))
}

/** @param {readonly string[]} changed @returns {string[]} the TypeScript projects that a change can break */
export function projectsOf(changed) {
  const projects = {
    '.': /^(src\/(shared|main)|test(?!\/(e2e|electron|unit\/renderer)\/)|scripts)\/|^[^/]+\.(ts|json)$/,
    'src/renderer': /^(src\/(shared|renderer)|test\/unit\/renderer)\/|^[^/]+\.json$/,
    'src/preload': /^src\/(shared|preload)\//,
    'test/e2e': /^test\/(e2e|support)\//,
    'test/electron': /^test\/(electron|support)\//,
  }
  const isCode = (file) => /\.(ts|mts|vue|json)$/.test(file)
  return Object.entries(projects).flatMap(([project, files]) => (changed.some((file) => isCode(file) && files.test(file)) ? [project] : []))
}

function fits(file, pattern) {
  const parts = pattern.split('/')
  const names = file.split('/')
  return parts.length === names.length && parts.every((part, at) => (part.includes('*') ? fitsName(names[at], part) : part === names[at]))
}

function fitsName(name, part) {
  const [begin, ...rest] = part.split('*')
  return name.startsWith(begin) && name.endsWith(rest.at(-1) ?? '') && name.length >= part.length - 1
}
