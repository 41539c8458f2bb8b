/** The mailbox: send, count, purge (protocol 2.4). */
import type { BlobRef } from '../../../../shared/schemas/actorRun.ts'
import { ActorsError } from '../errors.ts'
import type { Answer, Call } from '../http/api.ts'
import { parseBody } from '../http/fields.ts'
import type { MessageType } from '../engine/mailbox.ts'
import { answerWhenDone } from '../engine/synchronous.ts'
import { idOf, type Actor } from '../model/actor.ts'
import { EXECUTE, READ, UPDATE } from '../model/levels.ts'
import { waitingMessages } from '../store/executions.ts'
import { executionId } from '../values/ids.ts'
import { pythonText, pythonTextOfJson } from '../values/pythonText.ts'
import { shown } from '../values/names.ts'
import { actorUrl, profileUrl } from '../views.ts'
import type { Parts } from './parts.ts'
import { findAssertion } from '../identity/assertions.ts'

const MAX_BINARY_BYTES = 500_000_000
/** Linux takes no longer variable; MSG= and the end of the text count. */
const MAX_TEXT_BYTES = 131_071 - 4
const MAX_VARIABLES_BYTES = 131_072
/** With more than this many waiting, no sender may wait for an answer. */
const MAX_WAITING = 3
/** Query parameters that are no variables. */
const NO_VARIABLES = ['message', 'x-nonce']
const PREFIX = 'Invalid message'

interface Message {
  type: MessageType
  /** As the container gets it. */
  text?: string
  file?: BlobRef
  /** As the reply repeats it. */
  echo: unknown
}

export function messageRoutes(parts: Parts): void {
  const { api, mailbox } = parts

  api.on('GET', '/:actor/messages', 'countMessages', async (call) => {
    const actor = await api.actor(call, READ)
    const self = `${actorUrl(call, idOf(actor))}/messages`
    const messages = await waitingMessages(api.context.read, actor.key)
    return { result: { messages, _links: { self, owner: profileUrl(call, actor.owner) } } }
  })

  api.on('DELETE', '/:actor/messages', 'purgeMessages', async (call) => {
    const actor = await api.actor(call, UPDATE)
    await mailbox.purge(actor, call.who.user)
    const self = `${actorUrl(call, idOf(actor))}/messages`
    return { result: { msg: 'Actor mailbox purged.', _links: { self, owner: profileUrl(call, actor.owner) } } }
  })

  api.on('POST', '/:actor/messages', 'sendMessage', async (call) => {
    const actor = await api.actor(call, EXECUTE)
    if (actor.status === 'SHUTTING_DOWN') throw new ActorsError('The actor is shutting down and takes no messages.')
    const isSynchronous = /^true$/i.test(call.query.get('_abaco_synchronous') ?? '')
    if (isSynchronous && (await waitingMessages(api.context.read, actor.key)) > MAX_WAITING) {
      throw new ActorsError(`Synchronous messages are refused while more than ${MAX_WAITING} messages wait. (_abaco_synchronous)`)
    }
    const variables = variablesOf(call.query)
    const message = await messageOf(parts, call)
    const number = await mailbox.send(actor, {
      executor: call.who.user,
      type: message.type,
      ...(message.text !== undefined && { text: message.text }),
      ...(message.file && { file: message.file }),
      variables,
      username: call.who.user,
      apiServer: call.base,
      ...jwtHeader(call),
    })
    call.request.audited = { kind: 'job', id: actor.jobId, detail: null }
    if (isSynchronous) return answerWhenDone(parts, call, actor, number)
    return sent(actor, number, message.echo, call)
  })
}

function sent(actor: Actor, number: number, echo: unknown, call: Call): Answer {
  const actorLink = actorUrl(call, idOf(actor))
  const id = executionId(actor.key, number)
  const view = {
    executionId: id,
    msg: echo,
    _links: { self: `${actorLink}/executions/${id}`, owner: profileUrl(call, actor.owner), messages: `${actorLink}/messages` },
  }
  return { result: shown(view, call.case) }
}

/** The message of a request, in the order of the protocol. @throws ActorsError */
async function messageOf(parts: Parts, call: Call): Promise<Message> {
  const { body } = call
  if (body.kind === 'bytes') return bytesOf(parts, body.stream, body.length)
  const fromQuery = call.query.get('message')
  if (body.kind === 'form') {
    const message = body.fields.get('message') || fromQuery
    if (!message) throw noMessage()
    return textMessage(message)
  }
  if (body.kind === 'none') {
    if (!fromQuery) throw noMessage()
    return textMessage(fromQuery)
  }
  const value = valueOf(body.text)
  const named = messageFieldOf(value)
  if (isTruthy(named)) return textMessage(named)
  if (fromQuery) return textMessage(fromQuery)
  // A client that sends a text does not quote it.
  if (value === undefined) return body.kind === 'json' ? textMessage(body.text) : refuseText(body.text)
  if (!isTruthy(value)) throw noMessage()
  return { type: body.kind === 'json' ? 'application/json' : 'str', ...fitting(pythonTextOfJson(body.text)), echo: JSON.parse(body.text) }
}

function refuseText(text: string): Message {
  throw new ActorsError(
    `message POST body could not be serialized. Pass JSON data or use the message attribute. (${text.length} characters of another type)`,
  )
}

const noMessage = (): ActorsError =>
  new ActorsError('message POST body could not be serialized. Pass JSON data or use the message attribute.')

/** Undefined: it is no JSON. @throws ActorsError for JSON that is too deep or has unusable texts */
function valueOf(text: string): unknown {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  return parseBody(PREFIX, text)
}

function messageFieldOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'message' in value ? value.message : undefined
}

/** As Python sees it. */
function isTruthy(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object')
    return 'value' in value && 'isLosslessNumber' in value ? Number(value.value) !== 0 : Object.keys(value).length > 0
  return value !== 0
}

function textMessage(value: unknown): Message {
  return { type: 'str', ...rendered(value), echo: typeof value === 'string' ? value : (JSON.parse(JSON.stringify(value)) as unknown) }
}

function rendered(value: unknown): { text: string } {
  return fitting(pythonText(value))
}

function fitting(text: string): { text: string } {
  if (text.includes('\0')) throw new ActorsError(`${PREFIX}: {'message': 'must not contain null characters'}`)
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    throw new ActorsError(
      `Message exceeds max content length of: ${MAX_TEXT_BYTES}. Send a longer message as application/octet-stream. (message)`,
    )
  }
  return { text }
}

/** Bytes go to the file store as they come. */
async function bytesOf({ api }: Parts, stream: AsyncIterable<Buffer>, length: number | undefined): Promise<Message> {
  if (length === undefined || !Number.isInteger(length) || length < 0)
    throw new ActorsError('Content-Length is required for a binary message.')
  if (length > MAX_BINARY_BYTES) throw new ActorsError(`Message exceeds max content length of: ${MAX_BINARY_BYTES}`)
  if (length === 0) throw noMessage()
  const { sha, size } = await api.context.shaman.store.add(stream, MAX_BINARY_BYTES)
  return { type: 'application/octet-stream', file: { sha, size }, echo: 'binary - omitted' }
}

/** The first value of each parameter. @throws ActorsError */
function variablesOf(query: URLSearchParams): Record<string, string> {
  const variables: Record<string, string> = {}
  let bytes = 0
  for (const [name, value] of query) {
    if (NO_VARIABLES.includes(name) || Object.hasOwn(variables, name)) continue
    if (name === '' || /[=\0]/.test(name) || value.includes('\0'))
      throw new ActorsError(`Invalid query parameter: {'${name.replace(/[\0']/g, '')}': 'is no name of a variable'}`)
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
    if (bytes > MAX_VARIABLES_BYTES)
      throw new ActorsError(`Invalid query parameter: {'${name}': 'all variables together have more than ${MAX_VARIABLES_BYTES} bytes'}`)
    // A name such as __proto__ is one like any other.
    Object.defineProperty(variables, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return variables
}

function jwtHeader({ who, request }: Call): { jwtHeader?: string } {
  const found = who.byGateway ? findAssertion(request.raw.headers) : undefined
  return found ? { jwtHeader: `X-JWT-Assertion-${found.tenant}` } : {}
}
