/**
 * Tickets let a browser call what it cannot send a header to: images, downloads, event streams and the WebSocket. They
 * are part of the query (`?ticket=…`), so they are short-lived, read-only, and valid for nothing else. A ticket is
 * signed, not stored: `<kind>.<expiry>.<nonce>.<holder>.<signature>`, base64url. The key lives as long as the process;
 * after a restart browsers request new ones. A ticket is valid only while the token that requested it is, with the same
 * rights.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { effectiveScopes, type Caller } from '../accounts/callers.ts'
import type { TokenBook } from './tokenBook.ts'

/** `media`: images, logs and downloads, as often as needed. `events`: opens one WebSocket, once. */
export const TICKET_KINDS = ['media', 'events'] as const
export type TicketKind = (typeof TICKET_KINDS)[number]

/** How long each kind is valid. */
export const TICKET_MS: Record<TicketKind, number> = { media: 12 * 3_600_000, events: 60_000 }

export class Tickets {
  private readonly key = randomBytes(32)
  /** Nonces of used one-time tickets, with their expiry. */
  private readonly used = new Map<string, number>()

  constructor(
    private readonly now: () => number,
    private readonly tokens: Pick<TokenBook, 'isCurrent'>,
  ) {}

  issue(kind: TicketKind, caller: Caller): { ticket: string; expiresAt: number } {
    const expiresAt = this.now() + TICKET_MS[kind]
    const { id, actor, token } = caller
    const holder = Buffer.from(JSON.stringify({ id, actor, token })).toString('base64url')
    const body = `${kind}.${expiresAt}.${randomBytes(12).toString('base64url')}.${holder}`
    return { ticket: `${body}.${this.sign(body)}`, expiresAt }
  }

  /** The caller that the ticket represents; undefined when it is forged, of another kind, expired, or a used one-time ticket. */
  redeem(kind: TicketKind, ticket: string): Caller | undefined {
    const dot = ticket.lastIndexOf('.')
    const body = ticket.slice(0, dot)
    const signature = Buffer.from(ticket.slice(dot + 1))
    const expected = Buffer.from(this.sign(body))
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined
    const [named, expiry, nonce = '', holder = ''] = body.split('.')
    if (named !== kind || Number(expiry) <= this.now()) return undefined
    // Ours, as the signature proves.
    const { id, actor, token } = JSON.parse(Buffer.from(holder, 'base64url').toString()) as Pick<Caller, 'id' | 'actor' | 'token'>
    const caller: Caller = { id, actor, role: 'viewer', scopes: effectiveScopes('viewer', ['read']), via: 'ticket', token }
    if (!this.tokens.isCurrent(caller)) return undefined
    return kind === 'events' && !this.useOnce(nonce, Number(expiry)) ? undefined : caller
  }

  private useOnce(nonce: string, expiry: number): boolean {
    for (const [old, until] of this.used) if (until <= this.now()) this.used.delete(old)
    if (this.used.has(nonce)) return false
    this.used.set(nonce, expiry)
    return true
  }

  private sign(body: string): string {
    return createHmac('sha256', this.key).update(body).digest('base64url')
  }
}
