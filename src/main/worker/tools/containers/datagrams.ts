/**
 * A Unix datagram socket, which Node itself has not: bound by the C library, and read without blocking. Linux only. Readers decide when
 * to read, so a sender that is faster than they are waits in its own `send`.
 */
import { chmodSync, closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const EAGAIN = 11
const EINTR = 4

interface Libc {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Buffer, length: number): number
  /** Bytes, 0 for an empty datagram, -1 for an error. */
  recv(fd: number, buffer: Buffer, length: number, flags: number): number
  close(fd: number): number
  errno(): number
}

let loaded: Promise<Libc> | undefined

function libc(): Promise<Libc> {
  return (loaded ??= load())
}

/** Loaded only where it is used: the package brings a library for each platform. */
async function load(): Promise<Libc> {
  const { default: koffi } = await import('koffi')
  const library = koffi.load('libc.so.6')
  // The prototypes are those of the C library; koffi's functions are untyped.
  return {
    socket: library.func('int socket(int, int, int)') as Libc['socket'],
    bind: library.func('int bind(int, const void *, unsigned int)') as Libc['bind'],
    recv: library.func('intptr_t recv(int, void *, size_t, int)') as Libc['recv'],
    close: library.func('int close(int)') as Libc['close'],
    errno: () => koffi.errno(),
  }
}

/** Why there are no such sockets here; undefined when there are. */
export async function datagramProblem(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'Unix datagram sockets are used on Linux only'
  return libc().then(
    () => undefined,
    (error: unknown) => `the C library cannot be called: ${error instanceof Error ? error.message : String(error)}`,
  )
}

export class DatagramSocket {
  private readonly buffer: Buffer
  private isOpen = true

  private constructor(
    private readonly libc: Libc,
    private readonly fd: number,
    maxBytes: number,
  ) {
    this.buffer = Buffer.alloc(maxBytes)
  }

  /**
   * Binds `name` in `folder`, in place of a socket that an earlier process left; everyone may send. @param maxBytes of a datagram; what is
   * longer is cut off. @throws Error
   */
  static async bind(folder: string, name: string, maxBytes: number): Promise<DatagramSocket> {
    const library = await libc()
    const path = join(folder, name)
    rmSync(path, { force: true })
    const fd = library.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    if (fd < 0) throw new Error(`cannot make a socket: error ${library.errno()}`)
    // An address has room for 107 characters, and folders may be deeper than that.
    const at = openSync(folder, 'r')
    try {
      if (library.bind(fd, ...addressOf(`/proc/self/fd/${at}/${name}`)) < 0)
        throw new Error(`cannot bind ${path}: error ${library.errno()}`)
      chmodSync(path, 0o777)
    } catch (error) {
      library.close(fd)
      throw error
    } finally {
      closeSync(at)
    }
    return new DatagramSocket(library, fd, maxBytes)
  }

  /** The next datagram; undefined when there is none yet. @throws Error */
  read(): Buffer | undefined {
    if (!this.isOpen) return undefined
    const length = this.libc.recv(this.fd, this.buffer, this.buffer.length, MSG_DONTWAIT)
    if (length >= 0) return Buffer.from(this.buffer.subarray(0, length))
    const code = this.libc.errno()
    if (code === EAGAIN || code === EINTR) return undefined
    throw new Error(`cannot read the socket: error ${code}`)
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.libc.close(this.fd)
  }
}

/** `struct sockaddr_un` of Linux: the family in the machine's byte order, then the path with its terminating zero. */
function addressOf(path: string): [address: Buffer, length: number] {
  const name = Buffer.from(`${path}\0`)
  const address = Buffer.concat([new Uint8Array(new Uint16Array([AF_UNIX]).buffer), name])
  return [address, address.length]
}
