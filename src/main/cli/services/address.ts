/** Parses `HOST:PORT` and finds free ports. */
import { createServer } from 'node:net'
import { UsageError } from '../errors.ts'

export const DEFAULT_HOST = '127.0.0.1'
export const DEFAULT_PORT = 8080
export const DEFAULT_TLS_PORT = 8443

export interface Address {
  host: string
  port: number
}

/** `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, `PORT` or `HOST`. Pure. @throws UsageError */
export function parseAddress(text: string, label: string, defaultPort = DEFAULT_PORT): Address {
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:[\]\s/]*)(?::(\d+))?$/.exec(text)
  const match = bracketed ?? plain
  const bare = plain && plain[2] === undefined && /^\d+$/.test(plain[1] ?? '') ? plain[1] : undefined
  const port = Number(bare ?? match?.[2] ?? defaultPort)
  if (!match || text === '' || port > 65_535) throw new UsageError(`${label} must have the form HOST:PORT, not "${text}"`, label)
  return { host: bare !== undefined ? DEFAULT_HOST : match[1] || DEFAULT_HOST, port }
}

export function showAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** True when a server could listen there now. */
export function portIsFree({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}

/** The first free port from `port` on. @throws UsageError when `tries` ports in a row are taken */
export async function nextFreePort({ host, port }: Address, tries = 100): Promise<number> {
  for (let candidate = port; candidate < Math.min(port + tries, 65_536); candidate++) {
    if (await portIsFree({ host, port: candidate })) return candidate
  }
  throw new UsageError(`all ports from ${port} to ${port + tries - 1} of ${host} are in use; choose one with --listen`, '--listen')
}
