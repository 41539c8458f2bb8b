/**
 * `Idempotency-Key` on submissions: a client that got no reply sends the same request with the same key again, and gets
 * the first job instead of a second one. Key and request are stored with the job (as its client id) until the job is
 * deleted.
 */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Sequencer } from '../../../shared/async.ts'
import { InvalidInputError } from '../../engine/base/errors.ts'
import { jobOfClientId } from '../../store/queries/jobs/clientIds.ts'
import type { ApiContext } from '../context.ts'

/** What a submission is stored with beside its content. */
export interface Sender {
  clientId: string | null
  /** Aborts when the connection closes before the reply is sent. */
  signal: AbortSignal
}

/** The job that a request created. */
export interface Stored {
  publicId: string
}

/** Printable characters without spaces, such as a UUID or a hash. */
const KEY = /^[\x21-\x7e]{1,200}$/

export class SubmissionKeys {
  /** Running submissions by key: a simultaneous identical request waits for them. */
  private readonly running = new Sequencer()

  constructor(
    private readonly read: ApiContext['read'],
    private readonly origin: string,
  ) {}

  /**
   * Submits once. A repeated request gets the first one's job, with the header `idempotent-replayed: true`.
   * @throws InvalidInputError for a malformed key, or a key that was used for another request
   */
  async submit(request: FastifyRequest, reply: FastifyReply, submit: (sender: Sender) => Promise<Stored>): Promise<Stored> {
    const key = keyOf(request)
    if (key === null) return submit({ clientId: null, signal: closedSignal(reply) })
    return this.running.run(key, async () => {
      const clientId = `${key}:${digest(JSON.stringify(request.body))}`
      const known = await jobOfClientId(this.read, this.origin, `${key}:`)
      // With a key, repeating is harmless, so the work continues when its sender disconnects: it is finished when they
      // retry.
      if (known === undefined) return submit({ clientId, signal: NEVER })
      if (known.clientId !== clientId) {
        throw new InvalidInputError('Idempotency-Key', `Idempotency-Key was used for another request, which created job ${known.publicId}`)
      }
      reply.header('idempotent-replayed', 'true')
      return known
    })
  }
}

const NEVER = new AbortController().signal

/**
 * A version 4 UUID derived from the request's key alone, for dialects whose jobs have their own ids. Null: the request
 * has no key.
 */
export function uuidOfKey(request: FastifyRequest): string | null {
  const key = keyOf(request)
  if (key === null) return null
  const hex = digest(key)
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}

/** The same key of another caller is another key. Null: the request has no key. @throws InvalidInputError */
function keyOf({ headers, caller }: FastifyRequest): string | null {
  const key = headers['idempotency-key']
  if (key === undefined) return null
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new InvalidInputError('Idempotency-Key', 'Idempotency-Key must have 1 to 200 printable characters and no spaces')
  }
  return `key:${digest(`${caller.id}\n${key}`)}`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Aborts when the caller disconnects before there is a reply. */
export function closedSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}
