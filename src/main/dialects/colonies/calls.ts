/** A request from its text to its reply: envelope, signature, message. Used by HTTP and by WebSockets. */
import { SignatureError } from './crypto/signatures.ts'
import type { Verifier } from './crypto/verifier.ts'
import { isDevelopmentId } from './crypto/developmentKeys.ts'
import { MESSAGES } from './messages/index.ts'
import type { Call } from './messages/message.ts'
import type { Service } from './service.ts'
import { replyEnvelope } from './wire/envelope.ts'
import { ColoniesError } from './wire/errors.ts'
import { assertType, type RequestParts } from './wire/request.ts'

export class Calls {
  constructor(
    private readonly service: Service,
    private readonly verifier: Verifier,
    private readonly allowsDevelopmentKeys: boolean,
  ) {}

  /** The reply's text. @throws ColoniesError, FarmError */
  async answer(request: RequestParts, call: Omit<Call, 'signer'>): Promise<string> {
    const message = MESSAGES.get(request.type)
    if (!message) throw new ColoniesError(403, `invalid rpcMsg.PayloadType: ${request.type.slice(0, 100)}`)
    assertType(request)
    const signer = message.signed ? await this.signerOf(request) : ''
    const reply = await message.answer(this.service, request.message, { ...call, signer })
    return replyEnvelope(message.replyType, reply)
  }

  /** Who signed; it counts as a contact of the executor. @throws ColoniesError 403 */
  async signerOf({ payload, signature, digest }: RequestParts): Promise<string> {
    let signer: string
    try {
      signer = await this.verifier.signer(payload, signature, digest)
    } catch (error) {
      if (error instanceof SignatureError) throw new ColoniesError(403, error.message)
      throw error
    }
    // Everyone knows their private keys.
    if (!this.allowsDevelopmentKeys && isDevelopmentId(signer)) {
      throw new ColoniesError(
        403,
        'Access denied, this is a published development key; start the manager with --colonies-dev-keys to allow it',
      )
    }
    for (const executor of this.service.registry.executorsOf(signer)) this.service.executors.heard(executor)
    return signer
  }
}
