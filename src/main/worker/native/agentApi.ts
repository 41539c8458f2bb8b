/** The calls of `/api/v1/agent` (shared/schemas/agent.ts), with replies checked. */
import type { Readable } from 'node:stream'
import { Compile } from 'typebox/compile'
import { ApiError } from '../../../shared/schemas/common.ts'
import {
  CheckoutFiles,
  JoinReply,
  ReportReply,
  SignOnReply,
  TakeReply,
  type ErrandAnswer,
  type Fence,
  type JoinRequest,
  type PreviewSize,
  type SignOnRequest,
  type TakeRequest,
} from '../../../shared/schemas/agent.ts'
import type { SessionReport } from '../../../shared/schemas/session.ts'
import { RefusedError, UnreachableError, basicAuth, type HttpClient, type HttpReply, type HttpRequest } from '../http.ts'

const PREFIX = 'api/v1/agent/'
/** Beyond the long poll itself: a manager that is slow for a moment is not gone. */
const SLACK_MS = 20_000
const SIGN_OFF_TIMEOUT_MS = 3000

const checks = {
  join: Compile(JoinReply),
  signOn: Compile(SignOnReply),
  take: Compile(TakeReply),
  report: Compile(ReportReply),
  checkout: Compile(CheckoutFiles),
  error: Compile(ApiError),
}
/** What a compiled schema is used for here. */
interface Check<T> {
  Check(value: unknown): value is T
  Errors(value: unknown): { instancePath: string; message: string }[]
}

/** What a report asks for and tells beside its events. */
export interface ReportWishes {
  /** Tasks for slots that these reports free. */
  readonly take: number
  /** One more task, to hold as the next one. */
  readonly next: boolean
  /** When they changed. */
  readonly sessions: readonly SessionReport[] | undefined
}

export class AgentApi {
  private readonly http: HttpClient
  private headers: Record<string, string> = {}

  constructor(http: HttpClient) {
    this.http = http
  }

  /** From now on calls are made as this worker. */
  authenticate(workerId: string, secret: string): void {
    this.headers = { authorization: basicAuth(workerId, secret) }
  }

  join(request: JoinRequest, signal: AbortSignal): Promise<JoinReply> {
    return this.post('join', JSON.stringify(request), checks.join, { signal })
  }

  signOn(request: SignOnRequest, signal: AbortSignal): Promise<SignOnReply> {
    return this.post('sign-on', JSON.stringify(request), checks.signOn, { signal })
  }

  take(request: TakeRequest, signal: AbortSignal): Promise<TakeReply> {
    return this.post('take', JSON.stringify(request), checks.take, { signal, timeoutMs: request.waitMs + SLACK_MS })
  }

  /** `reports` are Report objects as JSON, straight from the outbox. */
  report(reports: readonly string[], { take, next, sessions }: ReportWishes, signal: AbortSignal): Promise<ReportReply> {
    const wishes = `${take > 0 ? `,"take":${take}` : ''}${next ? ',"next":true' : ''}`
    const told = sessions === undefined ? '' : `,"sessions":${JSON.stringify(sessions)}`
    const body = `{"reports":[${reports.join(',')}]${wishes}${told}}`
    return this.post('report', body, checks.report, { signal })
  }

  /** A preview of a file that an attempt of this worker saved. */
  preview(fence: Fence, path: string, size: PreviewSize, image: Buffer, signal: AbortSignal): Promise<void> {
    return this.putPreview(`preview/${fence.taskId}/${fence.attempt}`, { path, size }, image, signal)
  }

  /** The preview that an errand asked for. */
  errandPreview(errandId: string, size: PreviewSize, image: Buffer, signal: AbortSignal): Promise<void> {
    return this.putPreview(`errands/${errandId}/preview`, { size }, image, signal)
  }

  private async putPreview(path: string, query: { path?: string; size: PreviewSize }, image: Buffer, signal: AbortSignal): Promise<void> {
    const { size } = query
    const reply = await this.http.send({
      method: 'PUT',
      path: PREFIX + path,
      query: { ...query },
      body: image,
      contentType: size === 'light' ? 'application/octet-stream' : 'image/jpeg',
      headers: this.headers,
      signal,
    })
    throwUnlessOk(reply, 'preview')
  }

  /** There will be no preview of a file, and why. */
  async previewMissing(fence: Fence, path: string, reason: string, signal: AbortSignal): Promise<void> {
    await this.tell(`preview/${fence.taskId}/${fence.attempt}/missing`, { path, reason }, signal)
  }

  async answerErrand(errandId: string, answer: ErrandAnswer): Promise<void> {
    await this.tell(`errands/${errandId}`, answer)
  }

  /** The files of a checkout. */
  async checkout(id: string, signal: AbortSignal): Promise<CheckoutFiles> {
    const reply = await this.http.send({ method: 'GET', path: `${PREFIX}checkout`, query: { id }, headers: this.headers, signal })
    throwUnlessOk(reply, 'checkout')
    if (!checks.checkout.Check(reply.json)) throw new UnreachableError('the reply to checkout is not what our protocol says')
    return reply.json
  }

  /** The bytes of a file of the manager's store. */
  async file(sha: string, size: number, signal: AbortSignal): Promise<Readable> {
    const { reply, body } = await this.http.stream({ method: 'GET', path: `${PREFIX}files/${sha}/${size}`, headers: this.headers, signal })
    if (reply !== undefined) throwUnlessOk(reply, 'file')
    if (body === undefined) throw new UnreachableError('the manager sent no file')
    return body
  }

  private async tell(name: string, body: unknown, signal?: AbortSignal): Promise<void> {
    const reply = await this.http.send({
      method: 'POST',
      path: PREFIX + name,
      body: JSON.stringify(body),
      headers: this.headers,
      ...(signal && { signal }),
    })
    throwUnlessOk(reply, name)
  }

  async signOff(): Promise<void> {
    const reply = await this.http.send({
      method: 'POST',
      path: `${PREFIX}sign-off`,
      body: '{}',
      headers: this.headers,
      timeoutMs: SIGN_OFF_TIMEOUT_MS,
    })
    throwUnlessOk(reply, 'sign-off')
  }

  private async post<T>(name: string, body: string, check: Check<T>, options: Pick<HttpRequest, 'signal' | 'timeoutMs'>): Promise<T> {
    const reply = await this.http.send({ method: 'POST', path: PREFIX + name, body, headers: this.headers, ...options })
    throwUnlessOk(reply, name)
    if (!check.Check(reply.json)) {
      const [first] = check.Errors(reply.json)
      const what = first === undefined ? '' : `: ${first.instancePath || '/'} ${first.message}`
      throw new UnreachableError(`the reply to ${name} is not what our protocol says${what}`)
    }
    return reply.json
  }
}

/** @throws UnreachableError for "not now", RefusedError for everything else that is no success */
function throwUnlessOk(reply: HttpReply, name: string): void {
  if (reply.status >= 200 && reply.status < 300) return
  const error = checks.error.Check(reply.json) ? reply.json : undefined
  const message = `${name}: ${error?.message ?? `HTTP ${reply.status}`}`
  if ([429, 502, 503, 504].includes(reply.status)) throw new UnreachableError(message, reply.retryAfterMs)
  throw new RefusedError(reply.status, error?.code ?? '', message)
}

/** Our manager said that it does not know this worker (any more), or not with this secret. Proxies and gateways do not speak so. */
export function isUnknownWorker(error: unknown): boolean {
  return error instanceof RefusedError && error.status === 401 && error.code !== ''
}
