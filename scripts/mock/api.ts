/** The few calls of the native API that a made-up farm makes. */
export interface CallOptions {
  body?: unknown
  /** Sent as it is, in place of `body` as JSON. */
  image?: Uint8Array
  headers?: Record<string, string>
}

/** A request that was refused. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** @param path below /api/v1 @throws RefusedError; TypeError when no manager answers */
export async function callApi<T>(url: string, method: string, path: string, { body, image, headers }: CallOptions = {}): Promise<T> {
  const type: Record<string, string> = { 'content-type': image === undefined ? 'application/json' : 'image/jpeg' }
  const sent = image ?? (body === undefined ? undefined : JSON.stringify(body))
  const reply = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...(sent === undefined ? {} : type), ...headers },
    ...(sent === undefined ? {} : { body: typeof sent === 'string' ? sent : Buffer.from(sent) }),
  })
  const text = await reply.text()
  if (!reply.ok) throw new RefusedError(reply.status, `${method} ${path}: ${reply.status} ${text}`)
  // The caller names the type that the API's own schema has.
  return (text === '' ? undefined : JSON.parse(text)) as T
}
