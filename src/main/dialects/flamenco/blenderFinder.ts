/** Finds and checks Blender on the manager's machine, for the setup assistant (§1.1, §10.4). */
import { execFile } from 'node:child_process'
import { access, constants, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Static } from 'typebox'
import type { BlenderPathCheckResult } from './schemas/meta.ts'

export type BlenderCheck = Static<typeof BlenderPathCheckResult>

const VERSION_TIMEOUT_MS = 10_000
const MAC_BLENDER = '/Applications/Blender.app/Contents/MacOS/Blender'

export interface FinderHost {
  /** As process.platform. */
  platform: string
  env: Readonly<Record<string, string | undefined>>
}

/** Checks a command or path that a user typed. */
export async function checkBlender(input: string, host: FinderHost): Promise<BlenderCheck> {
  const trimmed = input.trim()
  const isCommand = !/[/\\]/.test(trimmed)
  const source = isCommand ? 'path_envvar' : 'input_path'
  const exe = isCommand ? await findOnPath(trimmed || 'blender', host) : await inFolder(trimmed, host)
  if (exe === undefined || !(await isProgram(exe))) {
    return { input, path: exe ?? '', source, is_usable: false, cause: 'Blender could not be found' }
  }
  const version = await blenderVersion(exe)
  if ('error' in version)
    return { input, path: exe, source, is_usable: false, cause: `There was an error running the command: ${version.error}` }
  return { input, path: exe, source, is_usable: true, cause: `Found ${version.line}` }
}

/** The Blenders that the machine offers on its own: file association, usual location, `$PATH`. */
export async function findBlenders(host: FinderHost): Promise<BlenderCheck[]> {
  const found: BlenderCheck[] = []
  const offer = async (exe: string | undefined, input: string, source: BlenderCheck['source']) => {
    if (exe === undefined || found.some((other) => other.path === exe) || !(await isProgram(exe))) return
    const version = await blenderVersion(exe)
    if ('line' in version) found.push({ input, path: exe, source, is_usable: true, cause: version.line })
  }
  if (host.platform === 'win32') await offer(await associatedBlender(), 'blender', 'file_association')
  if (host.platform === 'darwin') await offer(MAC_BLENDER, 'blender', 'system_location')
  const isFirst = found.length === 0
  // As in the original: $PATH is offered beside a file association, not beside the usual location.
  if (isFirst || found[0]?.source === 'file_association') await offer(await findOnPath('blender', host), 'blender', 'path_envvar')
  return found
}

function programName(host: FinderHost): string {
  return host.platform === 'win32' ? 'blender.exe' : host.platform === 'darwin' ? 'Blender' : 'blender'
}

/** A folder stands for the program in it. */
async function inFolder(file: string, host: FinderHost): Promise<string> {
  const facts = await stat(file).catch(() => undefined)
  return facts?.isDirectory() ? path.join(file, programName(host)) : file
}

async function findOnPath(command: string, { env, platform }: FinderHost): Promise<string | undefined> {
  // Batch files need a shell to run.
  const names = platform === 'win32' && path.extname(command) === '' ? [`${command}.exe`] : [command]
  for (const folder of (env.PATH ?? env.Path ?? '').split(path.delimiter)) {
    if (folder === '') continue
    for (const name of names) {
      const file = path.join(folder, name)
      if (await isProgram(file)) return file
    }
  }
  return undefined
}

async function isProgram(file: string): Promise<boolean> {
  const facts = await stat(file).catch(() => undefined)
  if (!facts?.isFile()) return false
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** The first line of `--version` that starts with `Blender `. */
async function blenderVersion(exe: string): Promise<{ line: string } | { error: string }> {
  const { output, error } = await run(exe, ['--version'])
  const line = output.split(/\r?\n/).find((each) => each.startsWith('Blender '))
  if (line !== undefined) return { line: line.trim() }
  return { error: error ?? 'it does not report its Blender version' }
}

/** The program that Windows opens .blend files with; the launcher's sibling if it is the launcher. */
async function associatedBlender(): Promise<string | undefined> {
  const kind = registryText((await run('reg', ['query', 'HKCR\\.blend', '/ve'])).output)
  if (kind === undefined) return undefined
  const command = registryText((await run('reg', ['query', `HKCR\\${kind}\\shell\\open\\command`, '/ve'])).output)
  const exe = /^"([^"]+)"/.exec(command ?? '')?.[1] ?? command?.split(' ')[0]
  if (exe === undefined) return undefined
  return /blender-launcher\.exe$/i.test(exe) ? path.join(path.dirname(exe), 'blender.exe') : exe
}

function registryText(output: string): string | undefined {
  return /REG_(?:EXPAND_)?SZ\s+(.+?)\s*$/m.exec(output)?.[1]
}

function run(file: string, args: string[]): Promise<{ output: string; error: string | undefined }> {
  return new Promise<{ output: string; error: string | undefined }>((resolve) => {
    execFile(file, args, { timeout: VERSION_TIMEOUT_MS, windowsHide: true, maxBuffer: 1024 * 1024 }, (error, stdout) =>
      resolve({ output: stdout, error: error === null ? undefined : error.message.trim() }),
    )
    // Some failures are thrown as exceptions: a batch file (EINVAL), a file that is being written (ETXTBSY).
  }).catch((error: unknown) => ({ output: '', error: error instanceof Error ? error.message : String(error) }))
}
