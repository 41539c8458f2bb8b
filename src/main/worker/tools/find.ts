/**
 * Finding programs: what the settings name, then PATH, then the places where each system's users and installers put
 * them. Looks at the disk only; nothing is run here.
 */
import { execFileSync } from 'node:child_process'
import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { posix, win32 } from 'node:path'
import type { ToolSettings } from '../contract/commands.ts'

/** The machine as far as the search looks at it; replaced in tests. */
export interface MachineView {
  platform: NodeJS.Platform
  /** Node's name: `x64`, `arm64`. */
  arch: string
  env: Readonly<Record<string, string | undefined>>
  home: string
  /** Folder of our own program: a `tools` folder beside it may bring programs along. */
  programDir: string
  isProgram(path: string): boolean
  /** Names in a folder; empty when there is none. */
  list(folder: string): string[]
  /** Windows: the program that opens .blend files by double click. */
  opensBlend?(): string | undefined
}

export type KnownProgram = 'blender' | 'ffmpeg'

/** This machine. */
export function thisMachine(): MachineView {
  return {
    platform: process.platform,
    arch: process.arch,
    env: process.env,
    home: homedir(),
    programDir: (process.platform === 'win32' ? win32 : posix).dirname(process.execPath),
    isProgram,
    list: (folder) => {
      try {
        return readdirSync(folder)
      } catch {
        return []
      }
    },
    ...(process.platform === 'win32' && { opensBlend }),
  }
}

/** Blender's installer and its "register" option write this key. */
const BLEND_KEY = 'HKEY_CLASSES_ROOT\\blendfile\\shell\\open\\command'

function opensBlend(): string | undefined {
  try {
    const answer = execFileSync('reg', ['query', BLEND_KEY, '/ve'], { encoding: 'utf8', windowsHide: true, timeout: 5_000 })
    return /REG_SZ\s+"?([^"\r\n]+?\.exe)"?/i.exec(answer)?.[1]
  } catch {
    return undefined
  }
}

function isProgram(path: string): boolean {
  try {
    if (!statSync(path).isFile()) return false
    accessSync(path, process.platform === 'win32' ? constants.F_OK : constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** True when the text names a place on disk and not just a program. */
export function hasFolder(exe: string): boolean {
  return /[\\/]/.test(exe)
}

/** The known program that a bare name refers to: `blender`, `Blender.exe`, `ffmpeg`, …; undefined for others. */
export function knownProgram(exe: string): KnownProgram | undefined {
  if (hasFolder(exe)) return undefined
  const name = exe.toLowerCase().replace(/\.exe$/, '')
  return name === 'blender' || name === 'ffmpeg' ? name : undefined
}

/**
 * Where a program is. A name with a folder is that file; a bare name comes from the settings, PATH or, for programs that
 * we know, the usual places (the newest version first). Undefined when it is nowhere.
 */
export function findProgram(exe: string, tools: ToolSettings, machine: MachineView = thisMachine()): string | undefined {
  if (hasFolder(exe)) return withEndings(exe, machine).find(machine.isProgram)
  const configured = configuredPath(exe, tools)
  if (configured !== undefined) return configured
  const known = knownProgram(exe)
  const bundled = known === 'ffmpeg' ? bundledFfmpeg(machine).find(machine.isProgram) : undefined
  return bundled ?? onPath(exe, machine)[0] ?? (known === undefined ? undefined : usualPlaces(known, machine)[0])
}

/** Every installation of a program that we know, the one that `findProgram` prefers first. */
export function findAll(program: KnownProgram, tools: ToolSettings, machine: MachineView = thisMachine()): string[] {
  const configured = configuredPath(program, tools)
  const bundled = program === 'ffmpeg' ? bundledFfmpeg(machine).filter(machine.isProgram) : []
  const set = configured === undefined ? [] : [configured]
  return [...new Set([...set, ...bundled, ...onPath(program, machine), ...usualPlaces(program, machine)])]
}

/** The path an administrator set; used even when it is wrong, so that the mistake is seen and not papered over. */
function configuredPath(exe: string, { programs }: ToolSettings): string | undefined {
  const path = programs[exe] ?? programs[knownProgram(exe) ?? '']
  return path === undefined || path === '' ? undefined : path
}

function onPath(name: string, machine: MachineView): string[] {
  const windows = machine.platform === 'win32'
  const { join } = windows ? win32 : posix
  const variable = windows ? Object.keys(machine.env).find((key) => key.toUpperCase() === 'PATH') : 'PATH'
  const folders = (machine.env[variable ?? ''] ?? '').split(windows ? ';' : ':').filter(Boolean)
  return folders.flatMap((folder) => withEndings(name, machine).map((candidate) => join(folder, candidate))).filter(machine.isProgram)
}

/** Windows finds programs without their ending. Only real ones count: batch files cannot be run without a shell. */
function withEndings(exe: string, { platform }: MachineView): string[] {
  return platform === 'win32' && !/\.(exe|com)$/i.test(exe) ? [`${exe}.exe`, `${exe}.com`] : [exe]
}

/** Programs that came along with ours: `tools/ffmpeg-linux-amd64`, `tools/ffmpeg-linux`, `tools/ffmpeg`. */
function bundledFfmpeg({ platform, arch, programDir }: MachineView): string[] {
  const windows = platform === 'win32'
  const { join } = windows ? win32 : posix
  const os = windows ? 'windows' : platform
  const cpu = arch === 'x64' ? 'amd64' : arch
  const ending = windows ? '.exe' : ''
  return [`ffmpeg-${os}-${cpu}`, `ffmpeg-${os}`, 'ffmpeg'].map((name) => join(programDir, 'tools', name + ending))
}

/** Candidates by system; `*` matches any folder whose name begins with the part before it. */
function usualPlaces(program: KnownProgram, machine: MachineView): string[] {
  const placesOf = machine.platform === 'win32' ? windowsPlaces : machine.platform === 'darwin' ? macPlaces : linuxPlaces
  const patterns = placesOf(machine)[program]
  return patterns.flatMap((pattern) => expand(pattern, machine)).filter(machine.isProgram)
}

function windowsPlaces({ env, home, opensBlend: opener }: MachineView): Record<KnownProgram, string[]> {
  const programs = env['ProgramFiles'] ?? 'C:\\Program Files'
  const programs86 = env['ProgramFiles(x86)'] ?? 'C:\\Program Files (x86)'
  const associated = opener?.()
  const local = env['LOCALAPPDATA'] ?? win32.join(home, 'AppData', 'Local')
  return {
    blender: [
      // The registered program is often the launcher, which exits immediately; the program itself is next to it.
      ...(associated === undefined ? [] : [win32.join(win32.dirname(associated), 'blender.exe')]),
      `${programs}\\Blender Foundation\\Blender*\\blender.exe`,
      `${programs86}\\Steam\\steamapps\\common\\Blender\\blender.exe`,
      `${home}\\blender*\\blender.exe`,
      'C:\\blender*\\blender.exe',
      `${home}\\scoop\\apps\\blender\\current\\blender.exe`,
    ],
    ffmpeg: [
      `${programs}\\ffmpeg*\\bin\\ffmpeg.exe`,
      'C:\\ffmpeg*\\bin\\ffmpeg.exe',
      `${local}\\Microsoft\\WinGet\\Links\\ffmpeg.exe`,
      `${home}\\scoop\\shims\\ffmpeg.exe`,
      `${env['ProgramData'] ?? 'C:\\ProgramData'}\\chocolatey\\bin\\ffmpeg.exe`,
    ],
  }
}

function macPlaces({ home }: MachineView): Record<KnownProgram, string[]> {
  return {
    blender: [
      '/Applications/Blender.app/Contents/MacOS/Blender',
      '/Applications/Blender*/Contents/MacOS/Blender',
      '/Applications/Blender*/Blender.app/Contents/MacOS/Blender',
      `${home}/Applications/Blender*/Contents/MacOS/Blender`,
      `${home}/Library/Application Support/Steam/steamapps/common/Blender/Blender.app/Contents/MacOS/Blender`,
      '/opt/homebrew/bin/blender',
      '/usr/local/bin/blender',
    ],
    // A program started from the Dock has a short PATH without Homebrew's and MacPorts' folders.
    ffmpeg: ['/opt/homebrew/bin/ffmpeg', '/usr/local/bin/ffmpeg', '/opt/local/bin/ffmpeg'],
  }
}

function linuxPlaces({ home }: MachineView): Record<KnownProgram, string[]> {
  return {
    blender: [
      '/usr/bin/blender',
      '/usr/local/bin/blender',
      '/opt/blender*/blender',
      '/opt/blender/blender*/blender',
      '/usr/local/blender*/blender',
      `${home}/blender*/blender`,
      `${home}/Applications/blender*/blender`,
      `${home}/.local/bin/blender`,
      '/snap/bin/blender',
      '/var/lib/flatpak/exports/bin/org.blender.Blender',
      `${home}/.local/share/Steam/steamapps/common/Blender/blender`,
      `${home}/.steam/steam/steamapps/common/Blender/blender`,
    ],
    ffmpeg: ['/usr/bin/ffmpeg', '/usr/local/bin/ffmpeg', `${home}/.local/bin/ffmpeg`, '/snap/bin/ffmpeg'],
  }
}

/** Fills the one `*` of a pattern with what is on disk, the highest version number first. */
function expand(pattern: string, machine: MachineView): string[] {
  const star = pattern.indexOf('*')
  if (star < 0) return [pattern]
  const separator = machine.platform === 'win32' ? '\\' : '/'
  const start = pattern.lastIndexOf(separator, star) + 1
  const folder = pattern.slice(0, start)
  const begin = pattern.slice(start, star).toLowerCase()
  return machine
    .list(folder)
    .filter((name) => name.toLowerCase().startsWith(begin))
    .toSorted(byVersionDescending)
    .map((name) => folder + name + pattern.slice(star + 1))
}

const byNumbers = new Intl.Collator('en', { numeric: true })

/** `Blender 4.10` before `Blender 4.9` before `Blender 3.6`. */
function byVersionDescending(a: string, b: string): number {
  return byNumbers.compare(b, a)
}
