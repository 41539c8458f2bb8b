/** The checks of `framehouse doctor`. Each examines one thing and reports what it found. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, realpath, rm, stat, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { portIsFree, showAddress, type Address } from './address.ts'
import { Client } from '../client/client.ts'
import { CliError } from '../errors.ts'
import { bytes } from '../output/format.ts'
import { connection } from '../client/http.ts'
import { plural } from '../../../shared/text/plural.ts'

export interface Check {
  name: string
  /** `missing`: some jobs cannot run here. `problem`: the manager or worker cannot run. */
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
/** With less free space, a database or a render would soon fail. */
const LITTLE_SPACE_BYTES = 1_000_000_000

export async function runChecks(input: CheckInput): Promise<Check[]> {
  const checks = await Promise.all([
    Promise.resolve(checkMachine()),
    checkModule('sqlite3', () => import('sqlite3'), 'npm rebuild sqlite3 (needs a C++ compiler where no prebuilt binary can be fetched)'),
    checkModule('sharp', () => import('sharp'), 'npm install --include=optional sharp; without it there are no previews'),
    checkData(input.dataDir),
    checkFiles(input.dataDir),
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

/** Native modules are what a copied or incomplete installation usually lacks. */
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
  // The manager creates the folder when it starts; until then, check the nearest existing parent.
  let existing = dataDir
  while (!(await stat(existing).catch(() => undefined)) && dirname(existing) !== existing) existing = dirname(existing)
  try {
    await access(existing, constants.W_OK)
    // Some file systems report write permission and still refuse to write.
    const probe = join(existing, `.framehouse-probe-${process.pid}`)
    await mkdir(probe)
    await rm(probe, { recursive: true })
    const { bavail, bsize } = await statfs(existing)
    const free = bavail * bsize
    const detail = `${dataDir}${existing === dataDir ? '' : ' (not created yet)'}, ${bytes(free)} free`
    if (free < LITTLE_SPACE_BYTES)
      return { name, state: 'problem', detail, advice: 'free some space, or choose another folder with --data' }
    return { name, state: 'ok', detail }
  } catch (error) {
    return { name, state: 'problem', detail: firstLine(error), advice: 'use --data to choose a folder that this user can write to' }
  }
}

/** Damage that would keep a manager from starting. A running manager monitors its files itself. */
async function checkFiles(dataDir: string): Promise<Check[]> {
  const { problemOf, remedyFor } = await import('../../store/guard/dataFolder.ts')
  const { FolderInUseError, lockFolder } = await import('../../store/folderLock.ts')
  const name = 'database'
  if (!(await stat(dataDir).catch(() => undefined))) return []
  try {
    const release = await lockFolder(dataDir)
    const problem = await problemOf(dataDir).finally(release)
    if (problem === undefined) return []
    return [{ name, state: 'problem', detail: problem, advice: await remedyFor(dataDir) }]
  } catch (error) {
    return error instanceof FolderInUseError ? [] : [{ name, state: 'problem', detail: firstLine(error) }]
  }
}

async function checkPort({ address, signal }: CheckInput): Promise<Check | Check[]> {
  const name = 'port'
  const where = showAddress(address)
  if (await portIsFree(address)) return { name, state: 'ok', detail: `${where} is free` }
  try {
    const { managerName, version, faults } = await new Client(connection(where, undefined, signal)).status()
    const answers: Check = { name, state: 'ok', detail: `"${managerName}" answers at ${where} (Framehouse ${version})` }
    return [
      answers,
      ...faults.map(({ message, remedy }): Check => ({ name: 'manager', state: 'problem', detail: message, advice: remedy })),
    ]
  } catch (error) {
    // A manager that requires a token is a manager, too.
    if (error instanceof CliError && error.code !== 'unreachable' && error.code !== 'unexpected-reply' && !error.code.startsWith('http-')) {
      return { name, state: 'ok', detail: `a manager answers at ${where} and requires a token` }
    }
    return { name, state: 'problem', detail: `${where} is in use by another program`, advice: 'choose another address with --listen' }
  }
}

async function checkPrograms(programs: Readonly<Record<string, string>>): Promise<Check[]> {
  const { findSoftware } = await import('../../worker/tools/machine/software.ts')
  const found = await onePerFile(await findSoftware({ programs }))
  return ['blender', 'ffmpeg'].flatMap((name): Check[] => {
    const all = found.filter((one) => one.name === name)
    if (all.length) return all.map(({ version, path }) => ({ name, state: 'ok', detail: `${version} at ${path}` }))
    const named = programs[name]
    return [
      {
        name,
        state: 'missing',
        detail: named === undefined ? 'not found in PATH or the usual places' : `${named} does not run`,
        advice: `install it, or give the worker its path: --program ${name}=PATH`,
      },
    ]
  })
}

/** The same program under several paths (/bin links to /usr/bin on many systems) counts once. */
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
