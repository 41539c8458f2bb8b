/** Whether an engine can run actors for this worker: it is on this machine, sees its files, and its containers reach the worker. */
import { mkdtemp, rm } from 'node:fs/promises'
import { BlockList, createServer, isIP } from 'node:net'
import { release } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Engine } from '../../docker/engines/engine.ts'
import { wordsOf } from '../../docker/errors.ts'
import { ensureDir } from '../../system/ensureDir.ts'

/** The network of the engine's containers. */
export interface Bridge {
  /** The worker's own address in it. */
  readonly address: string
  /** Whether an address is one of its containers'. */
  has(address: string): boolean
}

export type BridgeVerdict = { readonly bridge: Bridge } | { readonly problem: string }

const NetworkFacts = Type.Object({
  IPAM: Type.Object({
    Config: Type.Array(Type.Object({ Subnet: Type.Optional(Type.String()), Gateway: Type.Optional(Type.String()) })),
  }),
})
/** Made when the engine has no image at all to look through, and removed again. */
const PROBE_IMAGE = 'framehouse-probe:latest'

/** @param folder of the worker, for the question whether the engine sees it */
export async function probeEngine(engine: Engine, folder: string): Promise<BridgeVerdict> {
  try {
    if (process.platform !== 'linux') return { problem: 'actors need a worker on Linux' }
    if (!engine.isLocal) return { problem: `the engine at ${engine.host} is on another machine` }
    // The answer of the API; the types say `any`.
    const { KernelVersion } = (await engine.docker.info()) as { KernelVersion?: string }
    if (KernelVersion !== release()) return { problem: `the engine at ${engine.host} runs in a virtual machine or on another machine` }
    const verdict = await findBridge(engine)
    if ('problem' in verdict) return verdict
    const unseen = await filesProblem(engine, folder)
    return unseen === undefined ? verdict : { problem: unseen }
  } catch (error) {
    return { problem: `the engine at ${engine.host} cannot be asked: ${wordsOf(error)}` }
  }
}

async function findBridge(engine: Engine): Promise<BridgeVerdict> {
  const facts: unknown = await engine.docker.getNetwork('bridge').inspect()
  if (!Value.Check(NetworkFacts, facts)) return { problem: `the engine at ${engine.host} has no network "bridge" that can be read` }
  for (const { Subnet: subnet, Gateway: gateway } of facts.IPAM.Config) {
    const [network = '', bits = ''] = subnet?.split('/') ?? []
    if (isIP(network) !== 4) continue
    const list = new BlockList()
    list.addSubnet(network, Number(bits), 'ipv4')
    // An engine that was not asked for another one takes the first address, and may not say so before the first container.
    const address = gateway ?? network.replace(/\d+$/, (last) => String(Number(last) + 1))
    // Node does not list the interface of a bridge without containers.
    if (!(await isOwn(address))) continue
    return { bridge: { address, has: (peer) => isIP(plain(peer)) === 4 && list.check(plain(peer), 'ipv4') } }
  }
  return { problem: `containers of the engine at ${engine.host} cannot reach this worker: none of its addresses is on their network` }
}

function isOwn(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: address, port: 0 }, () => server.close(() => resolve(true)))
  })
}

/** An IPv4 address that arrived over an IPv6 socket. */
function plain(address: string): string {
  return address.replace(/^::ffff:/, '')
}

/** The engine refuses to mount a folder that it does not see; nothing is started. */
async function filesProblem(engine: Engine, folder: string): Promise<string | undefined> {
  await ensureDir(folder, 0o700)
  const probe = await mkdtemp(join(folder, 'probe-'))
  const { image, made } = await anyImage(engine)
  try {
    const Mounts = [{ Type: 'bind' as const, Source: probe, Target: '/probe', ReadOnly: true }]
    const container = await engine.docker.createContainer({ Image: image, Cmd: ['/probe'], HostConfig: { Mounts } })
    await container.remove({ force: true, v: true })
    return undefined
  } catch (error) {
    return `the engine at ${engine.host} does not see the folders of this worker: ${wordsOf(error)}`
  } finally {
    if (made)
      await engine.docker
        .getImage(image)
        .remove({ force: true })
        .catch(() => undefined)
    await rm(probe, { recursive: true, force: true })
  }
}

async function anyImage({ docker }: Engine): Promise<{ image: string; made: boolean }> {
  const first = (await docker.listImages()).at(-1)
  if (first) return { image: first.Id, made: false }
  const empty = pack()
  empty.finalize()
  const [repo, tag] = PROBE_IMAGE.split(':')
  const progress = await docker.importImage(Readable.from(empty, { objectMode: false }), { repo, tag })
  await new Promise<void>((resolve, reject) => docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve())))
  return { image: PROBE_IMAGE, made: true }
}
