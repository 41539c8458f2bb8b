/**
 * Connections to an engine over SSH, as Docker's own client makes them: the system's `ssh` runs `docker system dial-stdio` on the
 * other end. Keys, known hosts, jump hosts and agents are those of the user that the worker runs as. Each connection is a process.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { Agent, type AgentOptions } from 'node:http'
import { Duplex } from 'node:stream'

const CONNECT_SECONDS = 10
const MAX_WORDS = 500

export interface SshTarget {
  user: string | undefined
  host: string
  port: number | undefined
  /** File of the private key; the user's own keys without it. */
  key: string | undefined
  /** File of options in place of the user's `~/.ssh/config`. */
  config: string | undefined
}

/** The command line. Never prompts: there is no one to answer. */
function sshArguments({ user, host, port, key, config }: SshTarget): string[] {
  return [
    ...(config === undefined ? [] : ['-F', config]),
    ...['-T', '-o', 'BatchMode=yes', '-o', `ConnectTimeout=${CONNECT_SECONDS}`, '-o', 'ServerAliveInterval=30'],
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(key === undefined ? [] : ['-i', key, '-o', 'IdentitiesOnly=yes']),
    ...['--', host, 'docker', 'system', 'dial-stdio'],
  ]
}

/** For HTTP requests to the engine there. */
export class SshAgent extends Agent {
  constructor(
    private readonly target: SshTarget,
    options: AgentOptions,
  ) {
    super(options)
  }

  override createConnection(): Duplex {
    return new ProcessSocket(spawn('ssh', sshArguments(this.target), { stdio: 'pipe' }))
  }
}

/** A process's input and output with the interface that HTTP expects of a socket. Its error contains the process's output. */
class ProcessSocket extends Duplex {
  private words = ''
  private idleMs = 0
  private idleTimer: NodeJS.Timeout | undefined

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    super({ allowHalfOpen: false })
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk: Buffer) => {
      this.alive()
      if (!this.push(chunk)) child.stdout.pause()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.words = (this.words + chunk.toString()).slice(-MAX_WORDS)
    })
    child.once('error', (error) => this.destroy(error))
    // After its output was read to the end.
    child.once('close', (code) => {
      if (code !== 0) return this.destroy(new SshError(this.words.trim() || `ssh ended with status ${code}`))
      this.push(null)
      this.end()
    })
  }

  override _read(): void {
    this.child.stdout.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.alive()
    if (this.child.stdin.write(chunk)) done()
    else this.child.stdin.once('drain', done)
  }

  override _final(done: () => void): void {
    this.child.stdin.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.idleTimer)
    this.child.kill()
    done(error)
  }

  /** As in net.Socket: emits `timeout` after this long without a byte; 0: never. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    this.idleMs = ms
    if (onTimeout) this.once('timeout', onTimeout)
    this.alive()
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    this.child.ref()
    return this
  }

  unref(): this {
    this.child.unref()
    return this
  }

  private alive(): void {
    clearTimeout(this.idleTimer)
    if (this.idleMs > 0) this.idleTimer = setTimeout(() => this.emit('timeout'), this.idleMs).unref()
  }
}

/** In ssh's own words, e.g. `Permission denied (publickey).` */
class SshError extends Error {
  readonly code = 'ECONNRESET'
}
