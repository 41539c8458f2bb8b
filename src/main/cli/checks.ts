/** The checks of `framehouse doctor`. Each looks at one thing and tells what it saw. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, realpath, rm, stat, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { portIsFree, showAddress, type Address } from './address.ts'
import { Client } from './client.ts'
import { CliError } from './errors.ts'
import { bytes } from './format.ts'
import { connection } from './http.ts'
import { plural } from '../../shared/plural.ts'

export interface Check {
  name: string
  /** `missing`: some jobs cannot run here. `problem`: manager or worker cannot. */
  state: 'ok' | 'missing' | 'problem'
  detail: string
  advice?: string
}

export interface CheckInput {
  dataDir: string
  address: Address
  programs: Readonly<Record<string, string>>
  signal: AbortSignal
}

const ASK_TIMEOUT_MS = 10_000
/** Less than this and a database or a render soon has no room. */
const LITTLE_SPACE_BYTES = 1_000_000_000

export async function runChecks(input: CheckInput): Promise<Check[]> {
  const checks = await Promise.all([
    Promise.resolve(checkMachine()),
    checkModule('sqlite3', () => import('sqlite3'), 'npm rebuild sqlite3 (needs a C++ compiler where no prebuilt binary can be fetched)'),
    checkModule('sharp', () => import('sharp'), 'npm install --include=optional sharp; without it there are no previews'),
    checkData(input.dataDir),
    checkPort(input),
    checkPrograms(input.programs),
    checkDocker(),
  ])
  return checks.flat()
}

function checkMachine(): Check {
  const memory = `${bytes(freemem())} of ${bytes(totalmem())} memory free`
  return { name: 'machine', state: 'ok', detail: `Node ${process.version}, ${plural(availableParallelism(), 'core')}, ${memory}` }
}

/** Native modules are the ones that a copied or half-finished installation lacks. */
async function checkModule(name: string, load: () => Promise<unknown>, advice: string): Promise<Check> {
  try {
    await load()
    return { name, state: 'ok', detail: 'loads' }
  } catch (error) {
    return { name, state: 'problem', detail: firstLine(error), advice }
  }
}

async function checkData(dataDir: string): Promise<Check> {
  const name = 'data folder'
  // The folder itself is made when a manager starts; until then the nearest one that exists counts.
  let existing = dataDir
  while (!(await stat(existing).catch(() => undefined)) && dirname(existing) !== existing) existing = dirname(existing)
  try {
    await access(existing, constants.W_OK)
    // Some file systems allow it by their rights and refuse it all the same.
    const probe = join(existing, `.framehouse-probe-${process.pid}`)
    await mkdir(probe)
    await rm(probe, { recursive: true })
    const { bavail, bsize } = await statfs(existing)
    const free = bavail * bsize
    const detail = `${dataDir}${existing === dataDir ? '' : ' (not there yet)'}, ${bytes(free)} free`
    if (free < LITTLE_SPACE_BYTES) return { name, state: 'problem', detail, advice: 'make room, or name another folder with --data' }
    return { name, state: 'ok', detail }
  } catch (error) {
    return { name, state: 'problem', detail: firstLine(error), advice: 'name a folder that this user may write to with --data' }
  }
}

async function checkPort({ address, signal }: CheckInput): Promise<Check> {
  const name = 'port'
  const where = showAddress(address)
  if (await portIsFree(address)) return { name, state: 'ok', detail: `${where} is free` }
  try {
    const { managerName, version } = await new Client(connection(where, undefined, signal)).status()
    return { name, state: 'ok', detail: `"${managerName}" answers at ${where} (Framehouse ${version})` }
  } catch (error) {
    // A manager that wants a token is one, too.
    if (error instanceof CliError && error.code !== 'unreachable' && error.code !== 'unexpected-reply' && !error.code.startsWith('http-')) {
      return { name, state: 'ok', detail: `a manager answers at ${where} and wants a token` }
    }
    return { name, state: 'problem', detail: `${where} is taken by another program`, advice: 'name another address with --listen' }
  }
}

async function checkPrograms(programs: Readonly<Record<string, string>>): Promise<Check[]> {
  const { findSoftware } = await import('../worker/tools/software.ts')
  const found = await onePerFile(await findSoftware({ programs }))
  return ['blender', 'ffmpeg'].flatMap((name): Check[] => {
    const all = found.filter((one) => one.name === name)
    if (all.length) return all.map(({ version, path }) => ({ name, state: 'ok', detail: `${version} at ${path}` }))
    const named = programs[name]
    return [
      {
        name,
        state: 'missing',
        detail: named === undefined ? 'not found in PATH or the usual places' : `${named} does not answer`,
        advice: `install it, or tell the worker where it is: --program ${name}=PATH`,
      },
    ]
  })
}

/** The same program under several names (/bin is /usr/bin on many systems) is one. */
async function onePerFile<T extends { path: string }>(all: readonly T[]): Promise<T[]> {
  const byFile = new Map<string, T>()
  for (const one of all) {
    const file = await realpath(one.path).catch(() => one.path)
    if (!byFile.has(file)) byFile.set(file, one)
  }
  return [...byFile.values()]
}

async function checkDocker(): Promise<Check> {
  const name = 'docker'
  try {
    const { stdout } = await promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: ASK_TIMEOUT_MS })
    return { name, state: 'ok', detail: `engine ${stdout.trim()}` }
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return { name, state: 'missing', detail: absent ? 'no client in PATH' : 'no engine answers' }
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
