/** Decodes movies, and pictures that nothing else here reads, with ffmpeg. */
import { spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'

/** It says something at least this often, or it hangs. */
const SILENCE_MS = 120_000

/** Of what it complains about, so many lines are kept. */
const MAX_COMPLAINTS = 200

export interface Decoding {
  /** Pictures decoded. */
  frames: number
  width: number
  height: number
  /** Its error messages, a line each, without the path. */
  complaints: string[]
  /** 0: it got to the end. Null: it was ended, because it hung. */
  code: number | null
}

/**
 * Decodes all pictures of a file and throws them away.
 * @throws NodeJS errors when the program cannot be started; the signal's reason
 */
export async function decodeByFfmpeg(ffmpeg: string, path: string, signal?: AbortSignal): Promise<Decoding> {
  // The file protocol is named, so that a name with a colon is not taken for an address; a per cent sign is no pattern.
  const input = [...(path.includes('%') && !isMovieName(path) ? ['-pattern_type', 'none'] : []), '-i', `file:${path}`]
  const args = [
    '-hide_banner',
    '-nostats',
    '-v',
    'level+info',
    '-nostdin',
    '-progress',
    'pipe:1',
    '-noautorotate',
    ...input,
    '-map',
    '0:v:0',
    '-f',
    'null',
    '-',
  ]
  const env = helperEnvironment()
  const child = spawn(ffmpeg, args, { stdio: ['ignore', 'pipe', 'pipe'], env, windowsHide: true, signal, killSignal: 'SIGKILL' })
  let progress = ''
  let rest = ''
  let frames = 0
  let size = { width: 0, height: 0 }
  const complaints: string[] = []
  const hear = (line: string) => {
    const found = /Video: wrapped_avframe.*?, (\d+)x(\d+)/.exec(line)
    if (found) size = { width: Number(found[1]), height: Number(found[2]) }
    if (!/\[(error|fatal|panic)\]/.test(line) || complaints.length >= MAX_COMPLAINTS) return
    complaints.push(
      line
        .replace(/^(\[[^\]]*\] )+/, '')
        .replaceAll(`file:${path}`, 'it')
        .replaceAll(path, 'it')
        .trim(),
    )
  }
  const kill = () => child.kill('SIGKILL')
  let watchdog = setTimeout(kill, SILENCE_MS)
  child.stdout.on('data', (bytes: Buffer) => {
    clearTimeout(watchdog)
    watchdog = setTimeout(kill, SILENCE_MS)
    progress = (progress + bytes.toString('latin1')).slice(-4096)
    frames = Number(/.*^frame=\s*(\d+)$/ms.exec(progress)?.[1] ?? frames)
  })
  child.stderr.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString('utf8')).split(/\r?\n/)
    rest = (lines.pop() ?? '').slice(-4096)
    lines.forEach(hear)
  })
  try {
    if (child.pid !== undefined) lowerPriority(child.pid)
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    hear(rest)
    return { frames, ...size, code, complaints }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    clearTimeout(watchdog)
  }
}

/** Nothing of our own environment but what a program needs to be found and to find its libraries. */
export function helperEnvironment(): Record<string, string> {
  return Object.fromEntries(
    ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** The option about patterns is one of the picture reader alone: others refuse it. */
function isMovieName(path: string): boolean {
  return /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|mts|ts|m2ts|dv|og[gv]|flv|wmv|mxf)$/i.test(path)
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It has ended already.
  }
}
