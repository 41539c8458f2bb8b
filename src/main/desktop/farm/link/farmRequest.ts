/** Small JSON requests of the shell to a farm that it knows, or is about to know. */
import type { FarmLink } from './farmLink.ts'

export interface FarmReply {
  status: number
  /** Null: no JSON. */
  body: unknown
}

const TIMEOUT_MS = 8_000
const MAX_CHARS = 1_000_000

/** @param token empty: none is sent @throws Error when it does not answer, or does not prove that it is the farm */
export function askFarm(link: Pick<FarmLink, 'request'>, path: string, token = ''): Promise<FarmReply> {
  return new Promise((resolve, reject) => {
    const request = link.request(path, { method: 'GET', headers: token ? { authorization: `Bearer ${token}` } : {} })
    const timer = setTimeout(() => request.destroy(new Error('no reply')), TIMEOUT_MS)
    const fail = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    request.once('error', fail)
    request.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
        if (text.length > MAX_CHARS) response.destroy(new Error('the reply is too long'))
      })
      response.once('error', fail)
      response.once('end', () => {
        clearTimeout(timer)
        let body: unknown = null
        try {
          body = JSON.parse(text)
        } catch {
          // Another server's page.
        }
        resolve({ status: response.statusCode ?? 0, body })
      })
    })
    request.end()
  })
}
