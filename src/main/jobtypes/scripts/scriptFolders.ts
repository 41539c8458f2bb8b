/**
 * The script folders as they are on disk: which files there are, and their texts when something changed. Looking for
 * changes costs a `stat` per file, so it can be done on every use.
 */
import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { jobTypeName } from './jobTypeInfo.ts'
import type { FileTable } from '../sandbox/protocol.ts'

/** What `require` may need; nothing else is read. */
const SCRIPT_FILE = /\.(js|json)$/
const MAX_FILES = 2_000
const MAX_DEPTH = 5
const MAX_FILE_BYTES = 2_000_000
/** A script that is shorter than this cannot define anything. */
const MIN_SCRIPT_BYTES = 8

export interface ScriptSet {
  /** Texts by key `<folder number>/<path>`. */
  files: FileTable
  /** Keys of files at the top of a folder that may be job types, by the type's name; the first folder that has one wins. */
  scripts: Map<string, string>
  /** What is too large, cannot be read, or has the name of another file. */
  problems: { file: string; message: string }[]
}

interface Found {
  key: string
  path: string
  bytes: number
  /** Changes whenever the file does, also when it is replaced within a clock tick. */
  version: string
}

export interface ScriptFolders {
  /** The files; the same object as last time when nothing changed. A folder that does not exist is empty. */
  read(): Promise<ScriptSet>
}

type Problem = ScriptSet['problems'][number]

/**
 * `folders`: absolute paths; earlier ones override later ones by the name of the job type.
 * @param list what is in a folder; replaced by tests
 */
export function createScriptFolders(folders: readonly string[], list: ListFolder = listFolder): ScriptFolders {
  let fingerprint: string | undefined
  let current: ScriptSet = { files: new Map(), scripts: new Map(), problems: [] }
  let reading: Promise<ScriptSet> | undefined
  let next: Promise<ScriptSet> | undefined

  async function refresh(): Promise<ScriptSet> {
    const problems: Problem[] = []
    const found = (await Promise.all(folders.map((folder, index) => walk(folder, `${index}/`, { depth: 0, problems, list })))).flat()
    if (found.length > MAX_FILES)
      problems.push({ file: '', message: `more than ${MAX_FILES} files in the script folders; the rest is not read` })
    const kept = found.slice(0, MAX_FILES)
    const now = JSON.stringify([kept.map(({ key, bytes, version }) => [key, bytes, version]), problems])
    if (now === fingerprint) return current
    current = await load(kept, problems)
    fingerprint = now
    return current
  }

  function start(): Promise<ScriptSet> {
    reading = refresh().finally(() => (reading = undefined))
    return reading
  }

  return {
    // One that began earlier may have passed by what its caller has just written: it waits for the next, which all such share.
    read() {
      if (reading === undefined) return start()
      next ??= reading
        .catch(() => undefined)
        .then(() => {
          next = undefined
          // Never two at once: the older could end last, and its files would stay. One that others began meanwhile is new enough.
          return reading ?? start()
        })
      return next
    },
  }
}

type ListFolder = (folder: string) => Promise<Dirent[]>

const listFolder: ListFolder = (folder) => readdir(folder, { withFileTypes: true })

interface Walk {
  depth: number
  problems: Problem[]
  list: ListFolder
}

async function walk(folder: string, prefix: string, { depth, problems, list }: Walk): Promise<Found[]> {
  const entries = await list(folder).catch((error: NodeJS.ErrnoException) => {
    // A users' folder that was never made is as good as an empty one.
    if (error.code !== 'ENOENT') problems.push({ file: placeOf(prefix), message: error.message })
    return []
  })
  const found = await Promise.all(
    entries
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(async (entry): Promise<Found[]> => {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) return depth < MAX_DEPTH ? walk(path, `${prefix}${entry.name}/`, { depth: depth + 1, problems, list }) : []
        if (!SCRIPT_FILE.test(entry.name)) return []
        // Gone since the folder was listed, or a link to nothing: not there.
        const facts = await stat(path).catch(() => undefined)
        if (!facts?.isFile()) return []
        return [{ key: prefix + entry.name, path, bytes: facts.size, version: `${facts.mtimeMs}/${facts.ctimeMs}/${facts.ino}` }]
      }),
  )
  return found.flat()
}

/** The path inside its folder. */
function placeOf(key: string): string {
  return key.slice(key.indexOf('/') + 1)
}

async function load(found: Found[], earlier: Problem[]): Promise<ScriptSet> {
  const files = new Map<string, string>()
  const scripts = new Map<string, string>()
  const problems = [...earlier]
  for (const { key, path, bytes } of found) {
    const text =
      bytes > MAX_FILE_BYTES
        ? new Error(`larger than ${MAX_FILE_BYTES / 1e6} MB`)
        : await readFile(path, 'utf8').catch((error: Error) => error)
    if (typeof text !== 'string') {
      problems.push({ file: placeOf(key), message: text.message })
      continue
    }
    files.set(key, text)
    if (!mayBeJobType(key, bytes, text)) continue
    const name = jobTypeName(placeOf(key))
    const first = scripts.get(name)
    if (first === undefined) scripts.set(name, key)
    else if (folderOf(first) === folderOf(key)) {
      problems.push({ file: placeOf(key), message: `"${placeOf(first)}" has the same job type name, "${name}"` })
    }
  }
  return { files, scripts, problems }
}

/** Files in subfolders, and those that do not even mention JOB_TYPE, are there for `require`. */
function mayBeJobType(key: string, bytes: number, text: string): boolean {
  const place = placeOf(key)
  return !place.includes('/') && place.endsWith('.js') && bytes >= MIN_SCRIPT_BYTES && text.includes('JOB_TYPE')
}

function folderOf(key: string): string {
  return key.slice(0, key.indexOf('/'))
}
