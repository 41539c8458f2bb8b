/** Where `require` of a job-type script finds a module: in the script folders and nowhere else. Pure. */
import type { FileTable } from '../sandbox/protocol.ts'

/** Extensions tried, in this order, after the name as it stands. */
const ENDINGS = ['', '.js', '.json', '/index.js', '/index.json']

/**
 * Key of the file that `name` means in a script with the key `from`; undefined when the folders hold none.
 * `./x` and `../x` start at the requiring file and stay in its folder; other names start at the top of each folder,
 * the users' one first (it has the lowest number).
 */
export function resolveModule(files: FileTable, from: string, name: string): string | undefined {
  const [folder = '', ...place] = from.split('/')
  if (/^\.\.?(\/|$)/.test(name)) return firstFile(files, folder, normalise([...place.slice(0, -1), ...name.split('/')]))
  if (name === '' || name.startsWith('/') || /^[A-Za-z]:/.test(name) || name.includes('\\')) return undefined
  for (const each of folders(files)) {
    const key = firstFile(files, each, normalise(name.split('/')))
    if (key !== undefined) return key
  }
  return undefined
}

function folders(files: FileTable): string[] {
  return [...new Set(Array.from(files.keys(), (key) => key.slice(0, key.indexOf('/'))))].sort((a, b) => Number(a) - Number(b))
}

/** Undefined when the path leaves the folder. */
function normalise(elements: string[]): string | undefined {
  const kept: string[] = []
  for (const element of elements) {
    if (element === '' || element === '.') continue
    if (element !== '..') kept.push(element)
    else if (kept.pop() === undefined) return undefined
  }
  return kept.join('/')
}

function firstFile(files: FileTable, folder: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  return ENDINGS.map((ending) => `${folder}/${path}${ending}`).find((key) => files.has(key))
}
