/**
 * When started with `npx framehouse …`, a program runs under npm and a shell, and npm forwards no signal when it is terminated: the
 * program would live on without an owner. So it checks whether its parents are still there.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'

const LOOK_MS = 1_000
/** Running `ps` costs more than reading /proc. */
const LOOK_WITH_PS_MS = 5_000

/** npm sets it for every program that it runs. */
export function startedByNpm(env: NodeJS.ProcessEnv): boolean {
  return env['npm_lifecycle_event'] !== undefined || env['npm_command'] !== undefined
}

/**
 * Calls `stop` once when the parent or grandparent is gone. The returned function ends the watch. Windows does not reveal the parent of
 * a process: nothing is watched there.
 */
export function endWithNpm(stop: () => void, platform: NodeJS.Platform = process.platform): () => void {
  if (platform === 'win32') return () => undefined
  const parent = process.ppid
  let grandparent: number | undefined
  let ended = false
  const look = async (): Promise<void> => {
    const now = await parentOf(parent, platform)
    if (ended) return
    // The first check is the baseline.
    grandparent ??= now
    if (process.ppid === parent && now !== undefined && now === grandparent) return
    end()
    stop()
  }
  const timer = setInterval(() => void look(), platform === 'linux' ? LOOK_MS : LOOK_WITH_PS_MS).unref()
  function end(): void {
    ended = true
    clearInterval(timer)
  }
  void look()
  return end
}

/** Undefined when there is no such process. */
async function parentOf(pid: number, platform: NodeJS.Platform): Promise<number | undefined> {
  if (platform === 'linux') {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // The name in parentheses may contain anything, including parentheses.
    const found = /^\S \d+$/.exec(
      text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .slice(0, 2)
        .join(' '),
    )
    return found === null ? undefined : Number(found[0].slice(2))
  }
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'ppid=', '-p', String(pid)], (error, stdout) => resolve(error ? undefined : Number(stdout.trim())))
  })
}
