/** Finding out what kind of manager lives at an address: ours answers `/api/v1/version`, every Flamenco Manager `/api/v3/version`. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { HttpClient } from './http.ts'

export type AdapterName = 'native' | 'flamenco'

const Version = Type.Object({ version: Type.String() })
const PROBE_TIMEOUT_MS = 5000

/** Undefined when something answers that is neither. @throws UnreachableError when nothing answers */
export async function probeManager(http: HttpClient, signal: AbortSignal): Promise<AdapterName | undefined> {
  const answers = async (path: string) => {
    const reply = await http.send({ method: 'GET', path, timeoutMs: PROBE_TIMEOUT_MS, signal })
    return reply.status === 200 && Value.Check(Version, reply.json)
  }
  if (await answers('api/v1/version')) return 'native'
  if (await answers('api/v3/version')) return 'flamenco'
  return undefined
}
