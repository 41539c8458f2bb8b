/**
 * A Docker daemon of the test's own, which it may kill: nothing of the machine's daemon is touched. It lives on a "machine"
 * of its own, namespaces for network, mounts and processes: a second daemon without a bridge takes the first one's away,
 * and what a killed one leaves behind (shims, containers, mounts) goes with the machine.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from './containers.ts'

const START_LIMIT_MS = 60_000
/** Its first process collects the dead, as an init does: a containerd that is a zombie would count as one that runs. */
const POWER_ON = 'busybox ip link set lo up && echo up && while :; do sleep 1000 & wait; done'

export interface DockerdOptions {
  /** Further options of dockerd. */
  args?: readonly string[]
  /** Its images and containers get so many MiB of memory as their disk. */
  diskMiB?: number
}

export class PrivateDockerd {
  private enter: ChildProcess | undefined
  private text = ''

  private constructor(
    private readonly folder: string,
    private readonly machine: ChildProcess,
    private readonly args: readonly string[],
  ) {}

  static async start({ args = [], diskMiB }: DockerdOptions = {}): Promise<PrivateDockerd> {
    const folder = await mkdtemp(join(tmpdir(), 'fh-dockerd-'))
    const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
    const machine = spawn('unshare', [...namespaces, 'sh', '-c', POWER_ON], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(machine.stdout, 'data')
    const daemon = new PrivateDockerd(folder, machine, args)
    if (diskMiB !== undefined) {
      const data = join(folder, 'data')
      execFileSync('mkdir', [data])
      const [program = '', ...rest] = daemon.inside('mount', '-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'disk', data)
      execFileSync(program, rest)
    }
    await daemon.start()
    return daemon
  }

  get host(): string {
    return `unix://${this.folder}/docker.sock`
  }

  /** A command line, run on the daemon's machine. */
  inside(...command: string[]): string[] {
    return ['nsenter', '--target', String(childOf(this.machine)), '--net', '--mount', '--pid', ...command]
  }

  async start(): Promise<void> {
    const at = (name: string) => join(this.folder, name)
    // Those that were killed leave files of their process ids behind, and in here the numbers may belong to other processes by now.
    for (const left of ['pid', 'exec/containerd/containerd.pid']) await rm(at(left), { force: true })
    const where = ['--data-root', at('data'), '--exec-root', at('exec'), '--host', this.host, '--pidfile', at('pid')]
    const quiet = ['--bridge', 'none', '--iptables=false', '--ip6tables=false', '--log-level', 'warn']
    const [program = '', ...args] = this.inside('dockerd', ...where, ...quiet, ...this.args)
    this.enter = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.enter.stderr?.on('data', (chunk: Buffer) => {
      this.text = (this.text + chunk.toString()).slice(-10_000)
    })
    const deadline = Date.now() + START_LIMIT_MS
    while (!this.answers()) {
      if (Date.now() > deadline || this.enter.exitCode !== null) throw new Error(`dockerd does not start:\n${this.text}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** `SIGKILL`: as a crash. `SIGTERM`: as a restart of the service. Resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { enter } = this
    if (enter === undefined || enter.exitCode !== null || enter.signalCode !== null) return
    const gone = once(enter, 'exit')
    process.kill(childOf(enter), signal)
    await gone
    this.enter = undefined
  }

  /** Ends the machine with all that runs on it, and removes all that it kept. */
  async remove(): Promise<void> {
    await this.end('SIGTERM')
    const gone = once(this.machine, 'exit')
    process.kill(childOf(this.machine), 'SIGKILL')
    await gone
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

/** The process that `unshare` or `nsenter` started inside, by its id outside. */
function childOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
}
