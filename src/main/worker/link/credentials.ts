/**
 * Who this worker is at which farm: id and secret, in `<data>/worker-credentials.json` (mode 0600). One data folder may know
 * several farms, each wherever it is reached, and holds one identity per slot at a foreign Manager, so nothing joins twice.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Type, type Static } from 'typebox'
import { readJsonFile, writeJsonFile } from '../data/jsonFile.ts'

const Credentials = Type.Object({
  /** The manager's address without a key, so that a new key or `http` path does not make a new worker. */
  manager: Type.String(),
  adapter: Type.Union([Type.Literal('native'), Type.Literal('flamenco')]),
  /** 0 for the native adapter; the slot at a foreign Manager. */
  slot: Type.Integer({ minimum: 0 }),
  workerId: Type.String({ minLength: 1 }),
  secret: Type.String({ minLength: 32 }),
  /** The farm whose worker it is, wherever that is reached; absent: of before farms had ids, or of a foreign Manager. */
  farmId: Type.Optional(Type.String({ minLength: 1 })),
  /** By which that farm shows that it is itself (system/farmProof.ts). */
  farmKey: Type.Optional(Type.String({ minLength: 1 })),
})
export type Credentials = Static<typeof Credentials>

const CredentialsFile = Type.Object({ version: Type.Literal(1), workers: Type.Array(Credentials) })

/** The key of an identity. */
export type CredentialsKey = Pick<Credentials, 'manager' | 'adapter' | 'slot'>

export class CredentialsStore {
  private readonly path: string
  /** Writes one after the other: slots of one agent share the file. */
  private writing: Promise<void> = Promise.resolve()

  constructor(dataDir: string) {
    this.path = join(dataDir, 'worker-credentials.json')
  }

  /** @throws Error naming the file when it is damaged: a new identity is never made silently over an old one */
  async find(key: CredentialsKey): Promise<Credentials | undefined> {
    const file = await readJsonFile(CredentialsFile, this.path)
    return file?.workers.findLast((entry) => isAt(entry, key))
  }

  /** All identities at managers of ours, the newest last. */
  async native(): Promise<Credentials[]> {
    const file = await readJsonFile(CredentialsFile, this.path)
    return (file?.workers ?? []).filter((entry) => entry.adapter === 'native')
  }

  /** Adds or replaces. */
  save(credentials: Credentials): Promise<void> {
    const write = async () => {
      const file = await readJsonFile(CredentialsFile, this.path)
      const others = (file?.workers ?? []).filter((entry) => !isReplacedBy(entry, credentials))
      await writeJsonFile(this.path, { version: 1, workers: [...others, credentials] })
    }
    const result = this.writing.then(write)
    this.writing = result.catch(() => {})
    return result
  }
}

/** 32 random bytes in hex. */
export function newSecret(): string {
  return randomBytes(32).toString('hex')
}

/** The manager's address as the key of its credentials: without a `/k/KEY/` prefix, which may change and is a secret itself. */
export function managerKey(url: URL): string {
  return url.origin + url.pathname.replace(/\/k\/[^/]+\/$/, '/')
}

function isAt(entry: CredentialsKey, key: CredentialsKey): boolean {
  return entry.manager === key.manager && entry.adapter === key.adapter && entry.slot === key.slot
}

/** One identity a farm; where two farms had the same address one after the other, each keeps its own. */
function isReplacedBy(entry: Credentials, newer: Credentials): boolean {
  if (entry.adapter !== newer.adapter || entry.slot !== newer.slot) return false
  if (entry.workerId === newer.workerId) return true
  if (entry.farmId !== undefined && newer.farmId !== undefined) return entry.farmId === newer.farmId
  return entry.manager === newer.manager
}
