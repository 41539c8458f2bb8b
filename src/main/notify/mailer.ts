/** Mail through the farm's SMTP server (settings smtp… and mailFrom). */
import { createTransport } from 'nodemailer'
import type { FarmSettings } from '../../shared/schemas/settings.ts'

export interface Mail {
  to: string
  subject: string
  text: string
  html?: string
}

export type SmtpSettings = Pick<FarmSettings, 'smtpHost' | 'smtpPort' | 'smtpSecurity' | 'smtpUser' | 'smtpPassword' | 'mailFrom'>

/** There is no mail server in the settings. */
export class NoMailServerError extends Error {
  override readonly name = 'NoMailServerError'
  constructor() {
    super('no mail was sent: the settings smtpHost and mailFrom must be given first')
  }
}

/** The server refused, and would refuse again. */
export class MailRefusedError extends Error {
  override readonly name = 'MailRefusedError'
}

/** No answer in this time means that there will be none. */
const CONNECT_TIMEOUT_MS = 10_000
const SILENCE_TIMEOUT_MS = 20_000

/**
 * Hands one mail to the server. `password` is the plain one.
 * @throws NoMailServerError, MailRefusedError (do not try again), Error (try again later)
 */
export async function sendMail(mail: Mail, settings: SmtpSettings, password: string): Promise<void> {
  if (settings.smtpHost === '' || settings.mailFrom === '') throw new NoMailServerError()
  const transport = createTransport({
    host: settings.smtpHost,
    port: settings.smtpPort,
    secure: settings.smtpSecurity === 'tls',
    requireTLS: settings.smtpSecurity === 'starttls',
    ignoreTLS: settings.smtpSecurity === 'none',
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // Texts of ours are no paths and no addresses to fetch from.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(settings.smtpUser !== '' && password !== '' && { auth: { user: settings.smtpUser, pass: password } }),
  })
  try {
    await transport.sendMail({ from: settings.mailFrom, ...mail, headers: { 'Auto-Submitted': 'auto-generated' } })
  } catch (error) {
    throw isFinal(error) ? new MailRefusedError(error instanceof Error ? error.message : String(error)) : error
  } finally {
    transport.close()
  }
}

/** A 5yz reply of SMTP is final; so are addresses that are none and a login that is wrong. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('responseCode' in error && typeof error.responseCode === 'number') return error.responseCode >= 500
  return 'code' in error && (error.code === 'EENVELOPE' || error.code === 'EAUTH')
}
