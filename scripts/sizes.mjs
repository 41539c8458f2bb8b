/**
 * Keeps files short and folders clear: `npm run layers` runs it. A file that outgrows the limit has more than one reason to change; a
 * folder that does is a list, not a room.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'

export const MAX_LINES = 400
export const MAX_FILES = 15

/** Files that may be longer, and folders that may hold more. Shorten the list; do not extend it. */
const EXEMPT = new Set([
  // One file a change, forever.
  'src/main/store/migrations',
])

/** What is too large. @param files paths with their numbers of lines */
export function tooLarge(files, exempt = EXEMPT) {
  const long = [...files].filter(([file, lines]) => lines > MAX_LINES && !exempt.has(file))
  const folders = new Map()
  for (const file of files.keys()) folders.set(dirname(file), (folders.get(dirname(file)) ?? 0) + 1)
  const full = [...folders].filter(([folder, count]) => count > MAX_FILES && !exempt.has(folder))
  return [
    ...long.map(([file, lines]) => `${file}: ${lines} lines, at most ${MAX_LINES}; split it by reason to change`),
    ...full.map(([folder, count]) => `${folder}: ${count} files, at most ${MAX_FILES}; group them in folders`),
  ]
}

function main() {
  const listed = execFileSync('git', ['ls-files', '--', 'src'], { encoding: 'utf8' }).split('\n').filter(Boolean)
  const lines = (file) => readFileSync(file, 'utf8').split('\n').length - 1
  const problems = tooLarge(new Map(listed.map((file) => [file, /\.(ts|vue)$/.test(file) ? lines(file) : 0])))
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  if (problems.length > 0) process.exitCode = 1
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) main()
