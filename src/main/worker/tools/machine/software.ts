/** Which programs this machine has, in which versions: asked from the programs themselves, once per file on disk. */
import { execFile } from 'node:child_process'
import { realpath, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Software } from '../../../../shared/schemas/worker.ts'
import type { ToolSettings } from '../../contract/commands.ts'
import { jobEnvironment } from '../process/environment.ts'
import type { KnownProgram, MachineView } from '../find.ts'
import { findAll, thisMachine } from '../find.ts'

const run = promisify(execFile)

/** Blender's first start after boot reads a few hundred MB; ffmpeg answers immediately. */
const ASK_TIMEOUT_MS = 30_000

const QUESTIONS: Record<KnownProgram, { args: string[]; version: RegExp }> = {
  blender: { args: ['--version'], version: /^Blender (\d[\w.-]*)/m },
  ffmpeg: { args: ['-version'], version: /^ffmpeg version (\S+)/m },
}

/** Path, size and change time → version: a program is asked again only when its file has changed. */
const known = new Map<string, Promise<string | undefined>>()

/** All installations that answer with a version, preferred ones first. */
export async function findSoftware(tools: ToolSettings, machine: MachineView = thisMachine()): Promise<Software[]> {
  const found: Software[] = []
  /** Files that were met: where /bin is /usr/bin, one program has two paths. */
  const met = new Set<string>()
  for (const program of ['blender', 'ffmpeg'] as const) {
    // One after the other: several Blenders starting in parallel would delay each other beyond the time limit.
    for (const path of findAll(program, tools, machine)) {
      const file = await realpath(path).catch(() => path)
      if (met.has(file)) continue
      met.add(file)
      const version = await readVersion(program, path)
      if (version !== undefined) found.push({ name: program, version, path })
    }
  }
  return found
}

/** The program's version; undefined when its output does not match. */
export async function readVersion(program: KnownProgram, path: string): Promise<string | undefined> {
  const file = await stat(path).catch(() => undefined)
  if (file === undefined) return undefined
  const key = `${path}\0${file.size}\0${file.mtimeMs}`
  const asked = known.get(key) ?? ask(program, path)
  known.set(key, asked)
  const version = await asked
  // A time-out on a busy machine must not stick.
  if (version === undefined) known.delete(key)
  return version
}

async function ask(program: KnownProgram, path: string): Promise<string | undefined> {
  const { args, version } = QUESTIONS[program]
  try {
    const env = jobEnvironment(process.env, {})
    const { stdout } = await run(path, args, { timeout: ASK_TIMEOUT_MS, env, windowsHide: true, maxBuffer: 4 * 1024 * 1024 })
    return version.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}
