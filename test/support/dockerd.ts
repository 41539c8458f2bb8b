/** A Docker daemon of the test's own, which it may kill: nothing of the machine's daemon is touched. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from './containers.ts'

const START_LIMIT_MS = 60_000

export class PrivateDockerd {
  private child: ChildProcess | undefined
  private text = ''

  private constructor(private readonly folder: string) {}

  static async start(): Promise<PrivateDockerd> {
    const daemon = new PrivateDockerd(await mkdtemp(join(tmpdir(), 'fh-dockerd-')))
    await daemon.start()
    return daemon
  }

  get host(): string {
    return `unix://${this.folder}/docker.sock`
  }

  async start(): Promise<void> {
    const at = (name: string) => join(this.folder, name)
    const where = ['--data-root', at('data'), '--exec-root', at('exec'), '--host', this.host, '--pidfile', at('pid')]
    // No bridge and no rules of the firewall: those are the machine's.
    this.child = spawn('dockerd', [...where, '--bridge', 'none', '--iptables=false', '--ip6tables=false', '--log-level', 'warn'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.text = (this.text + chunk.toString()).slice(-10_000)
    })
    const deadline = Date.now() + START_LIMIT_MS
    while (!this.answers()) {
      if (Date.now() > deadline || this.child.exitCode !== null) throw new Error(`dockerd does not start:\n${this.text}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** `SIGKILL`: as a crash. `SIGTERM`: as a restart of the service. Resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
    this.child = undefined
  }

  /** Ends it with the containerd that it started, and all that it kept. */
  async remove(): Promise<void> {
    const containerd = Number(await readFile(join(this.folder, 'exec', 'containerd', 'containerd.pid'), 'utf8').catch(() => '0'))
    await this.end('SIGTERM')
    if (containerd > 0) {
      try {
        process.kill(containerd, 'SIGKILL')
      } catch {
        // It went with its daemon.
      }
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }

  private answers(): boolean {
    try {
      docker(['info', '--format', '{{.ID}}'], this.host)
      return true
    } catch {
      return false
    }
  }
}
