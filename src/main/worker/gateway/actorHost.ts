/** Everything that running actors needs beside engines: whether this worker can, the folders of results sockets, and the gateways. */
import { join } from 'node:path'
import type { ActorCapabilities } from '../../../shared/schemas/actorRun.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { ContainerConfig } from '../../docker/config.ts'
import type { Engine } from '../../docker/engines/engine.ts'
import type { Engines } from '../../docker/engines/engines.ts'
import type { HttpClient } from '../link/http.ts'
import { readIfThere, writeFileAtomic } from '../../system/wholeFiles.ts'
import { probeEngine, type Bridge } from './bridge.ts'
import { gatewayCertificate, keepCertificate, publicKeyOf } from './certificate.ts'
import { Gateway } from './gateway.ts'

export interface ActorHostOptions {
  engines: Engines
  dataDir: string
  http: Pick<HttpClient, 'forward'>
  log: Logger
  now(): number
  /** Why results sockets cannot be made here; undefined when they can. */
  socketProblem(): Promise<string | undefined>
}

export class ActorHost {
  /** The folder with one folder for each execution. It stays when the worker restarts: containers have it mounted. */
  readonly folder: string
  private readonly gateways = new Map<string, Gateway>()
  private problem = 'it was not looked at yet'
  private probing: Promise<void> | undefined
  private isClosed = false

  constructor(private readonly options: ActorHostOptions) {
    this.folder = join(options.dataDir, 'actors')
  }

  /** Whether executions can run now. */
  get isAvailable(): boolean {
    return this.gateways.size > 0
  }

  get capabilities(): ActorCapabilities {
    return { available: this.isAvailable, problem: this.isAvailable ? '' : this.problem, privileged: isPrivileged(this.config) }
  }

  private get config(): ContainerConfig {
    return this.options.engines.config
  }

  /** The gateway of an engine; undefined for one that cannot run actors. */
  gatewayOf({ name }: Pick<Engine, 'name'>): Gateway | undefined {
    return this.gateways.get(name)
  }

  /** Engines that must not be chosen. */
  unsuited(): string[] {
    return this.options.engines.names().filter((name) => !this.gateways.has(name))
  }

  /** Looks at engines that answer and were not found suitable so far. Nothing is thrown. */
  probe(): Promise<void> {
    return (this.probing ??= this.probeAll().finally(() => (this.probing = undefined)))
  }

  /**
   * Has the farm's authority vouch for the gateways, so that containers may check them. Nothing is thrown: without it they go on with what
   * they have. @param ask the manager, which gets the domain and a public key
   */
  async certify(ask: (domain: string, publicKey: string) => Promise<string>): Promise<void> {
    await this.probing
    const { domain, certificate: files } = this.config.gateway
    const { log, now } = this.options
    if (files !== undefined || this.gateways.size === 0) return
    try {
      const own = await gatewayCertificate(this.folder, domain, undefined, now())
      const cert = await ask(domain, publicKeyOf(own))
      await keepCertificate(this.folder, cert)
      for (const gateway of this.gateways.values()) gateway.show({ cert, key: own.key })
      log.info({ domain }, "the farm's authority vouches for the gateway for containers")
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      log.info({ domain, problem }, 'the gateway for containers goes on with a certificate of its own')
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.probing
    await Promise.all([...this.gateways.values()].map((gateway) => gateway.close()))
    this.gateways.clear()
  }

  private async probeAll(): Promise<void> {
    const { engines, log, socketProblem } = this.options
    const problem = await socketProblem()
    if (problem !== undefined) return void (this.problem = problem)
    if (!this.isAvailable) this.problem = 'no engine of this worker answers'
    for (const engine of engines.single()) {
      if (this.isClosed || this.gateways.has(engine.name)) continue
      const verdict = await probeEngine(engine, this.folder)
      if ('problem' in verdict) {
        this.problem = verdict.problem
        continue
      }
      try {
        const gateway = await this.openGateway(engine, verdict.bridge)
        this.gateways.set(engine.name, gateway)
        log.info(
          { engine: engine.name, address: verdict.bridge.address, port: gateway.port },
          'containers of actors reach the manager here',
        )
      } catch (error) {
        this.problem = `the gateway for containers cannot be opened: ${error instanceof Error ? error.message : String(error)}`
      }
    }
    if (!this.isAvailable) log.info({ problem: this.problem }, 'this worker runs no actors')
  }

  /** Containers that are taken up again know the port that the gateway had when they were made. */
  private async openGateway({ name }: Engine, bridge: Bridge): Promise<Gateway> {
    const { http, log, now } = this.options
    const { domain, port, certificate: files } = this.config.gateway
    const certificate = await gatewayCertificate(this.folder, domain, files, now())
    const file = join(this.folder, `gateway-port-${encodeURIComponent(name)}`)
    const portBefore = Number((await readIfThere(file))?.trim() ?? 0)
    const gateway = await Gateway.open({ bridge, certificate, domain, port, portBefore, http, log })
    if (gateway.port !== port) await writeFileAtomic(file, `${gateway.port}\n`, 0o600)
    return gateway
  }
}

/** Whether the worker's owner allows what a privileged actor gets. */
function isPrivileged({ allow }: ContainerConfig): boolean {
  return allow.privileged && allow.dockerSocket
}
