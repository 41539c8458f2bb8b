/** Requests of the S3 endpoint: who signed, what they ask for, and the reply in S3's own form. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { HostPolicy } from '../../../security/hosts.ts'
import { hostName, isOwnOrigin } from '../../../security/hosts.ts'
import type { AccessKeys } from './auth/accessKeys.ts'
import { readPayloadForm } from './auth/payload.ts'
import { readClaim, verify } from './auth/signature.ts'
import type { S3Call, S3Context, S3Reply } from './call.ts'
import { operationFor } from './operations/table.ts'
import { encodeKey, readAddress } from './wire/address.ts'
import { S3Error, s3ErrorOf } from './wire/errors.ts'
import { xmlDocument } from './wire/xml.ts'

/** How long, and how much, the rest of a refused body is read: clients read a reply only after they have sent everything. */
const DRAIN_MS = 10_000
const DRAIN_BYTES = 8 * 2 ** 20

export interface EndpointOptions {
  context: S3Context
  keys: AccessKeys
  hosts: HostPolicy
  /** Names whose subdomains are buckets. */
  bucketHosts(): readonly string[]
}

export class Endpoint {
  constructor(private readonly options: EndpointOptions) {}

  /** @param waits whether the client sends its body only after a 100 Continue */
  async handle(request: IncomingMessage, response: ServerResponse, waits: boolean): Promise<void> {
    const id = randomBytes(8).toString('hex').toUpperCase()
    response.setHeader('x-amz-request-id', id)
    const goOn = (): void => {
      if (waits) response.writeContinue()
    }
    try {
      await send(request, response, await this.answer(request, goOn))
    } catch (thrown) {
      const error = this.describe(thrown, id)
      if (response.headersSent || response.destroyed) response.destroy()
      else refuse(request, response, { error, id, waits })
    }
  }

  private async answer(request: IncomingMessage, goOn: () => void): Promise<S3Reply> {
    const { context, keys, bucketHosts, hosts } = this.options
    const headers = joinedHeaders(request)
    const method = request.method ?? 'GET'
    const host = headers.get('host') ?? ''
    const bases = bucketHosts()
    if (!hosts.allows(host) && !isBelow(host, bases)) throw new S3Error('AccessDenied', `This server is not known as ${host.slice(0, 200)}`)
    const origin = headers.get('origin')
    if (origin !== undefined && !isOwnOrigin(origin, host) && method !== 'GET' && method !== 'HEAD') {
      throw new S3Error('AccessDenied', `Pages of ${origin.slice(0, 200)} cannot call this endpoint`)
    }
    const address = readAddress(request.url ?? '/', host, bases)
    const signed = { method, address, headers }
    const claim = readClaim(signed, context.now())
    if (headers.has('x-amz-security-token')) throw new S3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.')
    const holder = keys.holder(claim.accessKey)
    if (!holder) throw new S3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.')
    const signing = verify(signed, claim, holder.secret)
    const payload = readPayloadForm(claim.isPresigned ? (headers.get('x-amz-content-sha256') ?? claim.payload) : claim.payload, headers)
    const call: S3Call = {
      context,
      address,
      method,
      headers,
      member: holder.member,
      signing,
      payload,
      body() {
        goOn()
        return request
      },
    }
    return operationFor(address, method, headers)(call)
  }

  private describe(thrown: unknown, id: string): S3Error {
    const error = s3ErrorOf(thrown)
    if (!error || error.code === 'InternalError')
      this.options.context.log.error({ err: thrown, errorId: id }, 'unexpected error in an S3 request')
    return error ?? new S3Error('InternalError', 'We encountered an internal error. Please try again.')
  }
}

function isBelow(host: string, bases: readonly string[]): boolean {
  const name = hostName(host) ?? ''
  return bases.some((base) => name === base || name.endsWith(`.${base}`))
}

/** Names in lower case; values of one name joined as signatures have them. */
function joinedHeaders({ rawHeaders }: IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at]?.toLowerCase(), rawHeaders[at + 1]?.trim()]
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before},${value}`)
  }
  return headers
}

async function send(request: IncomingMessage, response: ServerResponse, { status = 200, headers = {}, body }: S3Reply): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (typeof body === 'string') response.setHeader('content-type', 'application/xml')
  if (body === undefined || typeof body === 'string') {
    if (status !== 204 && !response.hasHeader('content-length')) response.setHeader('content-length', Buffer.byteLength(body ?? ''))
    response.writeHead(status).end(body)
    // A body that the operation had no use for.
    request.resume()
    return
  }
  response.writeHead(status)
  await pipeline(body, response).catch((error: unknown) => {
    // The client is gone, or a content cannot be read any longer: a shorter reply tells the client.
    if (!response.destroyed) throw error
  })
}

interface Refusal {
  error: S3Error
  id: string
  waits: boolean
}

function refuse(request: IncomingMessage, response: ServerResponse, { error, id, waits }: Refusal): void {
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
  const isOpen = !request.complete && hasBody(request)
  if (isOpen) response.setHeader('connection', 'close')
  const isBare = request.method === 'HEAD' || error.code === 'NotModified'
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  const body = isBare
    ? ''
    : xmlDocument('Error', { Code: error.code, Message: error.message, Resource: resourceOf(path), RequestId: id }, false)
  if (!isBare) response.setHeader('content-type', 'application/xml')
  if (error.code !== 'NotModified') response.setHeader('content-length', Buffer.byteLength(body))
  if (!isOpen || waits) {
    response.writeHead(error.status).end(body)
    return
  }
  // With "close", Node would end the connection with the reply, while the client still sends and does not read.
  response.writeHead(error.status)
  response.write(body)
  drain(request, () => response.end())
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

function resourceOf(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return encodeKey(path)
  }
}

function drain(request: IncomingMessage, done: () => void): void {
  let left = DRAIN_BYTES
  let isOver = false
  const finish = (): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    request.pause()
    done()
  }
  const timer = setTimeout(finish, DRAIN_MS).unref()
  if (request.complete || request.destroyed) return finish()
  request.once('close', finish)
  request.once('end', finish)
  request.removeAllListeners('readable')
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) finish()
  })
  request.resume()
}
