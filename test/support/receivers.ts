/** The other ends of notifications: an HTTP server that remembers what it is sent, and a mail server that keeps what it is given. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  text: string
  /** The parsed body; tests look into it as they know it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any
}

/** How the receiver answers a path; by default 200 with `ok`. */
export type Answer = { status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'cut'

export interface HttpReceiver {
  url: string
  port: number
  received: Received[]
  /** What to answer the next requests for this path; the last answer stays. */
  answer(path: string, ...answers: Answer[]): void
  to(path: string): Received[]
  close(): Promise<void>
}

export async function openHttpReceiver(): Promise<HttpReceiver> {
  const received: Received[] = []
  const answers = new Map<string, Answer[]>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const path = request.url ?? ''
      received.push({ method: request.method ?? '', path, headers: request.headers, text, body: parsed(text) })
      const planned = answers.get(path) ?? []
      const answer = (planned.length > 1 ? planned.shift() : planned[0]) ?? { status: 200, body: 'ok' }
      if (answer === 'hang') return
      if (answer === 'cut') return void request.socket.destroy()
      response.writeHead(answer.status, answer.headers).end(answer.body ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server's address is an object.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    answer: (path, ...list) => void answers.set(path, list),
    to: (path) => received.filter((each) => each.path === path),
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface ReceivedMail {
  from: string
  to: string[]
  /** Header lines and body as they came. */
  raw: string
  user: string | undefined
}

export interface MailSink {
  port: number
  mails: ReceivedMail[]
  /** Replies to the next mails with this SMTP status before it takes any again. */
  refuse(status: number, times?: number): void
  close(): Promise<void>
}

/** Takes mail for everyone; with `login` only after that user and password. */
export async function openMailSink(login?: { user: string; password: string }): Promise<MailSink> {
  const mails: ReceivedMail[] = []
  let refusal: { status: number; times: number } | undefined
  const server = new SMTPServer({
    disabledCommands: login ? ['STARTTLS'] : ['STARTTLS', 'AUTH'],
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    onAuth(auth, _session, done) {
      if (auth.username === login?.user && auth.password === login?.password) done(null, { user: auth.username })
      else done(new Error('wrong user or password'))
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (refusal && refusal.times > 0) {
          refusal.times--
          return done(Object.assign(new Error('not now'), { responseCode: refusal.status }))
        }
        const from = session.envelope.mailFrom
        mails.push({
          from: from === false ? '' : from.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString(),
          user: session.user,
        })
        done()
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server's address is an object.
  const { port } = server.server.address() as AddressInfo
  return {
    port,
    mails,
    refuse: (status, times = 1) => void (refusal = { status, times }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
