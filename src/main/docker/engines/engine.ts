/** The connection to one Docker engine: local socket, TCP with or without TLS, SSH. */
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import Docker from 'dockerode'
import type { EngineConfig } from '../config.ts'
import { translate } from '../errors.ts'
import { SshAgent, type SshTarget } from './ssh.ts'

export interface Engine {
  /** Unique on its worker. */
  readonly name: string
  /** As it was configured, e.g. `unix:///var/run/docker.sock`. */
  readonly host: string
  /** Whether its files are those of this machine. */
  readonly isLocal: boolean
  readonly docker: Docker
  /** The same engine over connections that are never reused, and that time out soon. */
  readonly door: Docker
}

const KNOCK_MS = 10_000

/** Makes no calls yet. @throws Error when a TLS file cannot be read or the address is invalid */
export function connectEngine(config: EngineConfig): Engine {
  const { name, host } = config
  const options = clientOptions(config)
  // docker-modem takes an agent; the types do not know it.
  const kept = { ...options, ...(isSsh(host) && { agent: new SshAgent(sshTarget(config), { keepAlive: true }) }) }
  const fresh = { ...options, timeout: KNOCK_MS, agent: doorAgent(config, options) }
  const [docker, door] = [new Docker(kept), new Docker(fresh)]
  return { name, host, isLocal: localSocket(host) !== undefined, docker, door }
}

function doorAgent(config: EngineConfig, { protocol }: Docker.DockerOptions): HttpAgent {
  if (isSsh(config.host)) return new SshAgent(sshTarget(config), { keepAlive: false })
  return protocol === 'https' ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false })
}

function isSsh(host: string): boolean {
  return host.startsWith('ssh://')
}

function sshTarget({ name, host, sshKey, sshConfig }: EngineConfig): SshTarget {
  const url = parseHost(name, host)
  const user = url.username === '' ? undefined : decodeURIComponent(url.username)
  return { user, host: url.hostname, port: url.port === '' ? undefined : Number(url.port), key: sshKey, config: sshConfig }
}

/** Path of the socket (or Windows pipe) of an address; undefined for a remote one. */
export function localSocket(host: string): string | undefined {
  const match = /^(?:unix|npipe):\/\/(.+)$/.exec(host)
  return match?.[1]
}

/** The options of dockerode. `DOCKER_HOST` and the like are ignored: the worker's configuration decides. */
export function clientOptions({ name, host, tls }: EngineConfig): Docker.DockerOptions {
  const socketPath = localSocket(host)
  if (socketPath !== undefined) return { host: undefined, socketPath, protocol: 'http' }
  const url = parseHost(name, host)
  const port = Number(url.port || DEFAULT_PORT)
  // SshAgent makes the connection.
  if (url.protocol === 'ssh:') return { protocol: 'http', host: 'docker', port: 80 }
  if (tls === undefined) return { protocol: 'http', host: url.hostname, port }
  return {
    protocol: 'https',
    host: url.hostname,
    port,
    ca: readFileSync(tls.ca, 'utf8'),
    cert: readFileSync(tls.cert, 'utf8'),
    key: readFileSync(tls.key, 'utf8'),
  }
}

const DEFAULT_PORT = 2375

function parseHost(name: string, host: string): URL {
  const url = URL.canParse(host) ? new URL(host) : undefined
  if (url === undefined || !['tcp:', 'ssh:'].includes(url.protocol) || url.hostname === '') {
    throw new Error(`engine "${name}": "${host}" is not a valid address; use unix:///path, tcp://host:port or ssh://user@host`)
  }
  return url
}

/** One call to the engine, with its failures as classes of errors.ts. `what` begins the message. */
export async function ask<T>(engine: Pick<Engine, 'host'>, what: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw translate(error, what, engine.host)
  }
}

/** Whether the engine accepts connections: a ping over a separate connection. */
export async function knock({ door }: Pick<Engine, 'door'>): Promise<void> {
  await door.ping()
}
