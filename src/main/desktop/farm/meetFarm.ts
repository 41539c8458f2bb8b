/**
 * Meeting a farm before the window moves there: by address, join code or join file. Its server first proves whose it is; only then is it
 * asked who it is, and only then does it get a token. Never throws.
 */
import { isAbsolute } from 'node:path'
import { Value } from 'typebox/value'
import { readJoinCode } from '../../../shared/lan/joinCode.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { FarmCheck } from '../../../shared/ipc.ts'
import { getAgentFarmPath, getStatusPath } from './farmPaths.ts'
import { FarmReply } from '../../../shared/schemas/agent.ts'
import { findFarm, shownAt } from '../../worker/link/findFarm.ts'
import { isAuthority, readInvitation, type Invitation } from '../../worker/link/invitation.ts'
import { askFarm } from './link/farmRequest.ts'
import { FarmLink } from './link/farmLink.ts'

export interface MetFarm {
  managerUrl: string
  /** Empty: plain HTTP, or a certificate that this system trusts. */
  authority: string
  farmId: string
  name: string
}
export interface Meeting {
  check: FarmCheck
  /** When `check` is ok. */
  farm?: MetFarm
  /** A join code or join file was given, with which a worker joins. */
  isInvitation: boolean
}

interface MeetOptions {
  /** Address, join code, or whole path of a join file. */
  typed: string
  /** The authority that is expected, hex with colons; empty: whatever it proves. */
  authority: string
  /** Tried once it is known that it is the farm; empty: none. */
  token: string
  log: Logger
}

const TIMEOUT_MS = 8_000
/** For a farm of a join code, which is looked for on the network. */
const FIND_MS = 15_000

export async function meetFarm({ typed, authority: expected, token, log }: MeetOptions): Promise<Meeting> {
  const invitation = await invitationOf(typed.trim())
  const isInvitation = invitation !== undefined
  const problem = (state: FarmCheck['state'], managerUrl: string, message = ''): Meeting => ({
    check: { state, message, name: '', managerUrl },
    isInvitation,
  })
  if (invitation instanceof Error) return problem('bad-address', typed, invitation.message)
  let managerUrl = farmAddress(typed)
  let authority = ''
  if (invitation) {
    const found = await findFarm(invitation.authority, invitation.urls, {
      log,
      signal: abortAfter(FIND_MS),
      onProblem: () => undefined,
    })
    if (!found) return problem('not-found', typed)
    managerUrl = found.url.origin
    authority = found.authority
  }
  if (managerUrl === undefined) return problem('bad-address', typed)
  const wanted = expected || authority
  try {
    if (managerUrl.startsWith('https:')) {
      const shown = await shownAt(managerUrl, abortAfter(TIMEOUT_MS))
      authority = shown?.authority ?? ''
      if (wanted !== '' && !isAuthority(shown?.authority, wanted)) return problem('other-farm', managerUrl, authority)
      if (authority === '' && shown?.vouchedFor !== true) return problem('not-proven', managerUrl)
    } else if (wanted !== '') return problem('not-proven', managerUrl)
    const link = new FarmLink({ managerUrl, authority, onMoved: () => undefined, log })
    try {
      const { body } = await askFarm(link, getAgentFarmPath)
      if (!Value.Check(FarmReply, body)) return problem('no-manager', managerUrl)
      const farm: MetFarm = { managerUrl, authority, farmId: body.farmId, name: body.managerName }
      if (token !== '') {
        const { status } = await askFarm(link, getStatusPath, token)
        if (status === 401 || status === 403) return problem('refused', managerUrl, String(status))
        if (status !== 200) return problem('no-manager', managerUrl, String(status))
      }
      return { check: { state: 'ok', message: '', name: farm.name, managerUrl }, farm, isInvitation }
    } finally {
      link.close()
    }
  } catch (error) {
    return problem('unreachable', managerUrl, error instanceof Error ? error.message : String(error))
  }
}

/** Undefined: an address is meant. An error: neither. */
async function invitationOf(typed: string): Promise<Invitation | Error | undefined> {
  if (!readJoinCode(typed) && !isAbsolute(typed)) return undefined
  return readInvitation(typed).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
}

/** The port of the encrypted listener: what a host alone means. */
const TLS_PORT = 8443

/** The normalized address: `host` and `host:8443` are encrypted, `host:8080` is plain HTTP; undefined: invalid. Pure. */
export function farmAddress(typed: string): string | undefined {
  const text = typed.trim()
  if (!text || /\s/.test(text)) return undefined
  let url: URL
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  } catch {
    return undefined
  }
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username || url.password) return undefined
  if (text.includes('://')) return url.origin
  return url.port === '' || url.port === String(TLS_PORT) ? `https://${url.hostname}:${url.port || TLS_PORT}` : url.origin
}

function abortAfter(ms: number): AbortSignal {
  const ending = new AbortController()
  setTimeout(() => ending.abort(), ms).unref()
  return ending.signal
}
