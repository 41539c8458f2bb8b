/** The calls of `/api/v1/agent` (shared/schemas/agent.ts), with validated replies. */
import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Compile } from 'typebox/compile'
import { ApiError } from '../../../../shared/schemas/common.ts'
import {
  INSTANCE_HEADER,
  CheckoutFiles,
  FarmReply,
  GatewayCertificateReply,
  JoinReply,
  ReportReply,
  SignOnReply,
  TakeReply,
  type WorkerRequestAnswer,
  type Fence,
  type JoinRequest,
  type PreviewSize,
  type SignOnRequest,
  type TakeRequest,
} from '../../../../shared/schemas/agent.ts'
import type { WarmAppReport } from '../../../../shared/schemas/warmApp.ts'
import { RefusedError, UnreachableError, basicAuth, type HttpClient, type HttpReply, type HttpRequest } from '../../link/http.ts'

const PREFIX = 'api/v1/agent/'
/** Allowance beyond the long poll itself: a slow manager is not gone. */
const SLACK_MS = 20_000
const SIGN_OFF_TIMEOUT_MS = 3000

const checks = {
  farm: Compile(FarmReply),
  join: Compile(JoinReply),
  signOn: Compile(SignOnReply),
  take: Compile(TakeReply),
  report: Compile(ReportReply),
  checkout: Compile(CheckoutFiles),
  gateway: Compile(GatewayCertificateReply),
  error: Compile(ApiError),
}
/** The part of a compiled schema that is used here. */
interface Check<T> {
  Check(value: unknown): value is T
  Errors(value: unknown): { instancePath: string; message: string }[]
}

/** What a report requests and reports besides its events. */
export interface ReportWishes {
  /** Tasks for slots that these reports free. */
  readonly take: number
  /** One more task, to hold as the next one. */
  readonly next: boolean
  /** When they changed. */
  readonly sessions: readonly WarmAppReport[] | undefined
}

export class AgentApi {
  private readonly http: HttpClient
  private headers: Record<string, string> = {}

  /** Identifies this run of the program, so that the manager can detect a copy of it. */
  private readonly instance = randomUUID()

  constructor(http: HttpClient) {
    this.http = http
  }

  /** From now on calls authenticate as this worker. */
  authenticate(workerId: string, secret: string): void {
    this.headers = { authorization: basicAuth(workerId, secret), [INSTANCE_HEADER]: this.instance }
  }

  /** Identifies the farm; undefined for a manager from before farms had ids. */
  async farm(ask: { worker?: string; question?: string }, signal: AbortSignal): Promise<FarmReply | undefined> {
    const reply = await this.http.send({ method: 'GET', path: `${PREFIX}farm`, query: ask, signal })
    if (reply.status === 404 || reply.status === 401 || reply.status === 403) return undefined
    throwUnlessOk(reply, 'farm')
    return checks.farm.Check(reply.json) ? reply.json : undefined
  }

  join(request: JoinRequest, signal: AbortSignal): Promise<JoinReply> {
    return this.post('join', JSON.stringify(request), checks.join, { signal })
  }

  signOn(request: SignOnRequest, signal: AbortSignal): Promise<SignOnReply> {
    return this.post('sign-on', JSON.stringify(request), checks.signOn, { signal })
  }

  /** A certificate of the farm's authority for this worker's gateway. */
  async certifyGateway(domain: string, publicKey: string, signal: AbortSignal): Promise<string> {
    const body = JSON.stringify({ domain, publicKey })
    return (await this.post('gateway-certificate', body, checks.gateway, { signal })).certificate
  }

  take(request: TakeRequest, signal: AbortSignal): Promise<TakeReply> {
    return this.post('take', JSON.stringify(request), checks.take, { signal, timeoutMs: request.waitMs + SLACK_MS })
  }

  /** `reports` are Report objects as JSON, straight from the report log. */
  report(reports: readonly string[], { take, next, sessions }: ReportWishes, signal: AbortSignal): Promise<ReportReply> {
    const wishes = `${take > 0 ? `,"take":${take}` : ''}${next ? ',"next":true' : ''}`
    const apps = sessions === undefined ? '' : `,"sessions":${JSON.stringify(sessions)}`
    const body = `{"reports":[${reports.join(',')}]${wishes}${apps}}`
    return this.post('report', body, checks.report, { signal })
  }

  /** A preview of a file that an attempt of this worker saved. */
  preview(fence: Fence, path: string, size: PreviewSize, image: Buffer, signal: AbortSignal): Promise<void> {
    return this.putPreview(`preview/${fence.taskId}/${fence.attempt}`, { path, size }, image, signal)
  }

  /** The preview that a request asked for. */
  workerRequestPreview(requestId: string, size: PreviewSize, image: Buffer, signal: AbortSignal): Promise<void> {
    return this.putPreview(`requests/${requestId}/preview`, { size }, image, signal)
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

  /** Reports that a file has no preview, and why. */
  async previewMissing(fence: Fence, path: string, reason: string, signal: AbortSignal): Promise<void> {
    await this.tell(`preview/${fence.taskId}/${fence.attempt}/missing`, { path, reason }, signal)
  }

  async answerWorkerRequest(requestId: string, answer: WorkerRequestAnswer): Promise<void> {
    await this.tell(`requests/${requestId}`, answer)
  }

  /** The files of a checkout. */
  async checkout(id: string, signal: AbortSignal): Promise<CheckoutFiles> {
    const reply = await this.http.send({ method: 'GET', path: `${PREFIX}checkout`, query: { id }, headers: this.headers, signal })
    throwUnlessOk(reply, 'checkout')
    if (!checks.checkout.Check(reply.json)) throw new UnreachableError('the reply to checkout does not match the protocol')
    return reply.json
  }

  /** The bytes of a file of the manager's store. */
  file(sha: string, size: number, signal: AbortSignal): Promise<Readable> {
    return this.download(`files/${sha}/${size}`, {}, signal)
  }

  /** Sends a file below `/agent`. @throws UnreachableError, RefusedError */
  async upload(path: string, query: Record<string, string>, body: Buffer | Readable, signal: AbortSignal): Promise<void> {
    const reply = await this.http.upload({
      method: 'PUT',
      path: PREFIX + path,
      query,
      body,
      contentType: 'application/octet-stream',
      headers: this.headers,
      signal,
    })
    throwUnlessOk(reply, 'upload')
  }

  /** A JSON document below `/agent`. */
  async get(path: string, query: Record<string, string>, signal: AbortSignal): Promise<unknown> {
    const reply = await this.http.send({ method: 'GET', path: PREFIX + path, query, headers: this.headers, signal })
    throwUnlessOk(reply, path.split('/')[0] ?? path)
    return reply.json
  }

  /** A file below `/agent`. */
  async download(path: string, query: Record<string, string>, signal: AbortSignal): Promise<Readable> {
    const { reply, body } = await this.http.stream({ method: 'GET', path: PREFIX + path, query, headers: this.headers, signal })
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
      throw new UnreachableError(`the reply to ${name} does not match the protocol${what}`)
    }
    return reply.json
  }
}

/** @throws UnreachableError for temporary failures, RefusedError for all other errors */
function throwUnlessOk(reply: HttpReply, name: string): void {
  if (reply.status >= 200 && reply.status < 300) return
  const error = checks.error.Check(reply.json) ? reply.json : undefined
  const message = `${name}: ${error?.message ?? `HTTP ${reply.status}`}`
  if ([429, 502, 503, 504, 507].includes(reply.status)) throw new UnreachableError(message, reply.retryAfterMs)
  throw new RefusedError(reply.status, error?.code ?? '', message)
}

/** Our manager reported that another program runs with this identity: the data folder is a copy. */
export function isClone(error: unknown): boolean {
  return error instanceof RefusedError && error.code === 'cloned'
}

/** Our manager reported that it does not know this worker, or that the secret is wrong. Proxies and gateways do not send this code. */
export function isUnknownWorker(error: unknown): boolean {
  return error instanceof RefusedError && error.status === 401 && error.code !== ''
}
