/** Programs that read pictures for us: with the lowest priority, bounded in time and output. */
import { execFile } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { jobEnvironment } from './environment.ts'

const TIME_LIMIT_MS = 60_000
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024

/** Answers what it wrote. @throws Error with the last line of what it complained about */
export function runHelper(exe: string, args: string[]): Promise<{ stdout: Buffer; stderr: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      encoding: 'buffer' as const,
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: jobEnvironment(process.env, {}),
      windowsHide: true,
    }
    const child = execFile(exe, args, options, (error, stdout, stderr) => {
      const output = stderr.toString('utf8')
      if (error === null) return resolve({ stdout, stderr: output })
      const last = output.trim().split('\n').at(-1)
      reject(new Error(error.killed === true ? `it took longer than ${TIME_LIMIT_MS / 1000} s to read` : last || error.message))
    })
    try {
      if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
    } catch {
      // It has ended already.
    }
  })
}
