/** The built manager as a process of its own, on a free port and a data folder that goes with it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class ManagerProcess {
  private constructor(
    readonly child: ChildProcess,
    readonly port: number,
    readonly dataDir: string,
    /** From the start of the process to the first line about listening. */
    readonly startMs: number,
    private readonly output: { text: string },
  ) {}

  /** The newest 20,000 characters of its log. */
  get told(): string {
    return this.output.text
  }

  /** `wrap`: a program and its arguments that run the manager under them (strace). `program`: another copy. Port 0: any free one. */
  static async start(options: { dataDir?: string; port?: number; wrap?: string[]; program?: string } = {}): Promise<ManagerProcess> {
    const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'framehouse-manager-')))
    const began = performance.now()
    const program = options.program ?? join(import.meta.dirname, '../../bin/framehouse.js')
    // e.g. BENCH_NODE_ARGS="--cpu-prof --cpu-prof-dir=/tmp/profile"
    const nodeArgs = process.env['BENCH_NODE_ARGS']?.split(' ') ?? []
    const args = [...nodeArgs, program, 'manager', '--data', folder, '--listen', `127.0.0.1:${options.port ?? 0}`, '--trust-loopback']
    const [command = process.execPath, ...before] = [...(options.wrap ?? []), process.execPath]
    const child = spawn(command, [...before, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    const output = { text: '' }
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the manager ended with ${code}:\n${output.text}`)))
      child.stderr?.on('data', (chunk: Buffer) => {
        output.text = (output.text + chunk.toString()).slice(-20_000)
        const match = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output.text)
        if (match) resolve(Number(match[1]))
      })
    })
    return new ManagerProcess(child, port, folder, performance.now() - began, output)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /**
   * Seconds of processor time and resident bytes so far (Linux). The time is the scheduler's own: `stat` and `times` count clock
   * ticks, and a process that wakes at ticks, for a moment each, seems to use each of them whole.
   */
  async usage(): Promise<{ cpuSeconds: number; rssBytes: number }> {
    const threads = `/proc/${this.child.pid}/task`
    let nanoseconds = 0
    for (const thread of await readdir(threads)) {
      const [running] = (await readFile(join(threads, thread, 'schedstat'), 'utf8')).split(' ')
      nanoseconds += Number(running)
    }
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8')
    return { cpuSeconds: nanoseconds / 1e9, rssBytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024 }
  }

  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await fetch(this.url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`)
    // The bench trusts the server that it measures.
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** kill -9: no line of the program runs after this one. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGKILL')
    await ended
  }

  /** Ends the process; `keep` leaves the data folder for a restart. */
  async stop(keep = false): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    await ended
    if (!keep) await rm(this.dataDir, { recursive: true, force: true })
  }
}
