/**
 * Finding a farm by the key of its authority: at the addresses that are known, then at those that are announced on the network. An
 * address counts when its server proves in the TLS handshake that the farm's authority vouches for it; nothing is sent before that.
 */
import { connect } from 'node:tls'
import { isIP } from 'node:net'
import { pause } from '../../../shared/async.ts'
import type { Logger } from '../../../shared/logger.ts'
import { FarmBrowser } from '../../discovery/browser.ts'
import { shownBy, type ShownCertificate } from '../../system/farmTrust.ts'
import { isAuthority } from './invitation.ts'

export interface FoundAt {
  url: URL
  /** The whole fingerprint of the authority's key. */
  authority: string
}

const CONNECT_MS = 5_000
const AGAIN_MS = 2_000

/**
 * Undefined when the signal aborted first.
 * @param wanted fingerprint of the authority's key, or its beginning @param urls tried first, and again in each round
 * @param onProblem what is shown while it looks
 */
export async function findFarm(
  wanted: string,
  urls: readonly string[],
  { log, signal, onProblem }: { log: Logger; signal: AbortSignal; onProblem: (problem: string) => void },
): Promise<FoundAt | undefined> {
  let browser: FarmBrowser | undefined
  const refused = new Set<string>()
  try {
    while (!signal.aborted) {
      const announced = browser?.farms().filter(({ authority }) => authority === '' || isAuthority(authority, wanted)) ?? []
      for (const url of new Set([...urls, ...announced.flatMap((farm) => farm.urls)])) {
        if (!url.startsWith('https://')) continue
        const authority = await authorityAt(url, signal)
        if (signal.aborted) return undefined
        if (isAuthority(authority, wanted) && authority !== undefined) return { url: new URL('/', url), authority }
        if (authority === undefined || refused.has(url)) continue
        refused.add(url)
        log.warn({ url, authority }, 'this is not the farm that is looked for: another authority vouches for it')
      }
      onProblem(browser ? 'the farm was not found on the network yet' : 'the farm does not answer at its known addresses')
      browser ??= startBrowser(log)
      await pause(AGAIN_MS, signal)
    }
    return undefined
  } finally {
    await browser?.stop()
  }
}

/** Of a server, proven; undefined: it does not answer, or shows none. */
async function authorityAt(address: string, signal: AbortSignal): Promise<string | undefined> {
  return (await shownAt(address, signal).catch(() => undefined))?.authority
}

/**
 * What a server shows in its TLS handshake; undefined: nothing, or the signal aborted. Nothing is sent to it.
 * @param address `https://…` @throws Error when it does not answer
 */
export function shownAt(address: string, signal: AbortSignal): Promise<ShownCertificate | undefined> {
  const { hostname, port } = new URL(address)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    // What it shows is judged by its authority, not by those that this system trusts.
    const socket = connect({ host, port: Number(port) || 443, rejectUnauthorized: false, ...(isIP(host) === 0 && { servername: host }) })
    const end = (): void => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
    }
    const abort = (): void => {
      end()
      resolve(undefined)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.setTimeout(CONNECT_MS, () => {
      end()
      reject(new Error('no reply'))
    })
    socket.once('error', (error) => {
      end()
      reject(error)
    })
    socket.once('secureConnect', () => {
      const shown = shownBy(socket, Date.now())
      end()
      resolve(shown)
    })
  })
}

function startBrowser(log: Logger): FarmBrowser {
  const browser = new FarmBrowser(log)
  browser.start()
  return browser
}
