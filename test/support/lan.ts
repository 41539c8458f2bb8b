/**
 * A local network of its own: hosts in network namespaces, joined by a bridge that is in a namespace too, where no rule of the
 * machine's firewall reaches it. Needs root; tests require the part `netns`.
 */
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CliProcess } from './cliProcess.ts'

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, '../../bin/framehouse.js')

export class LanHost {
  private readonly processes: CliProcess[] = []

  constructor(
    readonly namespace: string,
    public address: string,
  ) {}

  /** A program that goes on: `framehouse …`. It ends with the network. */
  start(...args: string[]): CliProcess {
    const started = CliProcess.startWithin(['ip', 'netns', 'exec', this.namespace], ...args)
    this.processes.push(started)
    return started
  }

  /** `framehouse …`, to its end. @returns what it printed */
  async framehouse(...args: string[]): Promise<string> {
    return this.command(process.execPath, PROGRAM, ...args)
  }

  /** `framehouse … --json` */
  async json<T>(...args: string[]): Promise<T> {
    // The test knows what it asked for.
    return JSON.parse(await this.framehouse(...args, '--json')) as T
  }

  async command(...words: string[]): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', this.namespace, ...words], { timeout: 60_000 })
    return stdout
  }

  /** As a DHCP server does that gives out another address. */
  moveTo(address: string): void {
    ip('-n', this.namespace, 'addr', 'flush', 'dev', 'eth0', 'scope', 'global')
    ip('-n', this.namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    this.address = address
  }

  /** Ports that are open, as `tcp 8080`: of all addresses but those of loopback where `network` is set. */
  async openPorts(): Promise<{ protocol: string; address: string; port: number }[]> {
    const text = await this.command('ss', '-tulnH')
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [protocol = '', , , , local = ''] = line.trim().split(/\s+/)
        const at = local.lastIndexOf(':')
        return { protocol, address: local.slice(0, at).replace(/%.*$/, ''), port: Number(local.slice(at + 1)) }
      })
  }

  /** Programs of this namespace that a test started by other means and that are still there. */
  private async killRest(): Promise<void> {
    const pids = (await run('ip', ['netns', 'pids', this.namespace])).stdout.split('\n').filter(Boolean).map(Number)
    for (const pid of pids) process.kill(pid, 'SIGKILL')
  }

  async end(): Promise<void> {
    await Promise.all(this.processes.splice(0).map((one) => one.end()))
    await this.killRest().catch(() => undefined)
  }
}

export class Lan {
  private readonly hosts: LanHost[] = []
  private readonly name = `fh${process.pid}-${randomBytes(2).toString('hex')}`
  private readonly bridge = `${this.name}-sw`

  constructor() {
    ip('netns', 'add', this.bridge)
    ip('-n', this.bridge, 'link', 'add', 'br0', 'type', 'bridge')
    ip('-n', this.bridge, 'link', 'set', 'br0', 'up')
  }

  /** A host at 10.77.0.N */
  host(number: number): LanHost {
    const namespace = `${this.name}-${number}`
    const address = `10.77.0.${number}`
    ip('netns', 'add', namespace)
    ip('-n', this.bridge, 'link', 'add', `p${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('-n', this.bridge, 'link', 'set', `p${number}`, 'master', 'br0', 'up')
    for (const device of ['lo', 'eth0']) ip('-n', namespace, 'link', 'set', device, 'up')
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    const host = new LanHost(namespace, address)
    this.hosts.push(host)
    return host
  }

  /** The cable of a host is pulled, or put back. */
  cable(host: LanHost, state: 'up' | 'down'): void {
    ip('-n', this.bridge, 'link', 'set', `p${host.namespace.slice(this.name.length + 1)}`, state)
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.end()))
    for (const { namespace } of this.hosts) ip('netns', 'del', namespace)
    ip('netns', 'del', this.bridge)
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
