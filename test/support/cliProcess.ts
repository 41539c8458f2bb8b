/** `framehouse …` from the build, as a process of its own that a test can kill. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

export class CliProcess {
  output = ''

  private constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-50_000)))
    }
  }

  static start(...args: string[]): CliProcess {
    return CliProcess.startWithin([], ...args)
  }

  /** Started by another program (`unshare …`) that ends up as this one. */
  static startWithin(wrap: readonly string[], ...args: string[]): CliProcess {
    const program = join(import.meta.dirname, '../../bin/framehouse.js')
    const [command = process.execPath, ...before] = [...wrap, process.execPath]
    return new CliProcess(spawn(command, [...before, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill(signal)
    await ended
  }
}
