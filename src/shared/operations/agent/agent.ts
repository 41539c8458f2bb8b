/** Operations of the native API: agent/agent. */
import {
  FarmAuthority,
  GatewayCertificateReply,
  GatewayCertificateRequest,
  FarmQuery,
  FarmReply,
  JoinRequest,
  JoinReply,
  SignInQuery,
  SignInState,
  SignOnRequest,
  SignOnReply,
  TakeRequest,
  TakeReply,
  ReportRequest,
  ReportReply,
  CheckoutQuery,
  CheckoutFiles,
  PreviewMissing,
  PreviewQuery,
} from '../../schemas/agent.ts'
import { Nothing, AttemptParams } from '../params.ts'
import { MAX_LIGHT_BYTES } from '../../pictures/sceneLight.ts'
import { Type } from 'typebox'
import { operation } from '../operation.ts'

export const BlobParams = Type.Object({ sha: Type.String({ pattern: '^[0-9a-f]{64}$' }), size: Type.Integer({ minimum: 0 }) })
/** A thousand reports with their log lines. */
export const REPORT_BODY_LIMIT = 16 * 1_048_576

export const getAgentFarm = operation({
  method: 'GET',
  url: '/agent/farm',
  config: { access: 'public' },
  schema: {
    tags: ['agent'],
    operationId: 'getAgentFarm',
    summary: 'The identity of this farm, which a worker checks before it identifies itself',
    querystring: FarmQuery,
    response: { 200: FarmReply },
  },
})

export const getFarmAuthority = operation({
  method: 'GET',
  url: '/agent/authority',
  config: { access: 'public' },
  schema: {
    tags: ['agent'],
    operationId: 'getFarmAuthority',
    summary: "The farm's certificate authority, for browsers and programs that are to trust it",
    response: { 200: FarmAuthority },
  },
})

export const joinAgent = operation({
  method: 'POST',
  url: '/agent/join',
  config: { access: 'join', strangersMayAsk: true, auditBody: false },
  schema: {
    tags: ['agent'],
    operationId: 'joinAgent',
    summary: 'Register a worker; the reply has its id and secret',
    body: JoinRequest,
    response: { 200: JoinReply },
  },
})

export const signOnAgent = operation({
  method: 'POST',
  url: '/agent/sign-on',
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'signOnAgent',
    summary: 'Sign on: capabilities, and attempts that still run',
    body: SignOnRequest,
    response: { 200: SignOnReply },
  },
})

export const getSignIn = operation({
  method: 'GET',
  url: '/agent/sign-in',
  config: { access: 'public' },
  schema: {
    tags: ['agent'],
    operationId: 'getSignIn',
    summary: 'What became of the sign-in that the window beside a worker asks for',
    querystring: SignInQuery,
    response: { 200: SignInState },
  },
})

export const takeTasks = operation({
  method: 'POST',
  url: '/agent/take',
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'takeTasks',
    summary: 'Long poll: heartbeat, work, cancellations',
    body: TakeRequest,
    response: { 200: TakeReply },
  },
})

export const reportAttempts = operation({
  method: 'POST',
  url: '/agent/report',
  bodyLimit: REPORT_BODY_LIMIT,
  config: { access: 'worker', anyText: true },
  schema: {
    tags: ['agent'],
    operationId: 'reportAttempts',
    summary: 'Reports, in order, exactly once',
    body: ReportRequest,
    response: { 200: ReportReply },
  },
})

export const signOffAgent = operation({
  method: 'POST',
  url: '/agent/sign-off',
  config: { access: 'worker' },
  schema: { tags: ['agent'], operationId: 'signOffAgent', summary: 'Sign off; running attempts are requeued', response: Nothing },
})

export const getCheckout = operation({
  method: 'GET',
  url: '/agent/checkout',
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'getCheckout',
    summary: 'The files of a checkout',
    querystring: CheckoutQuery,
    response: { 200: CheckoutFiles },
  },
})

export const certifyGateway = operation({
  method: 'POST',
  url: '/agent/gateway-certificate',
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'certifyGateway',
    summary: "A certificate of the farm's authority for the gateway through which containers of actors reach the manager",
    body: GatewayCertificateRequest,
    response: { 200: GatewayCertificateReply },
  },
})

export const getStoredFile = operation({
  method: 'GET',
  url: '/agent/files/:sha/:size',
  config: { access: 'worker' },
  schema: { tags: ['agent'], operationId: 'getStoredFile', summary: 'A file of the file store by its content', params: BlobParams },
})

export const tellPreviewMissing = operation({
  method: 'POST',
  url: '/agent/preview/:taskId/:attempt/missing',
  config: { access: 'worker', audit: false },
  schema: {
    tags: ['agent'],
    operationId: 'tellPreviewMissing',
    summary: 'Report that a file gets no preview, and why',
    params: AttemptParams,
    body: PreviewMissing,
    response: Nothing,
  },
})

export const putPreview = operation({
  method: 'PUT',
  url: '/agent/preview/:taskId/:attempt',
  bodyLimit: MAX_LIGHT_BYTES,
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'putPreview',
    summary: 'A preview of a frame: JPEG, or packed floats with linear light (size light)',
    consumes: ['image/jpeg', 'application/octet-stream'],
    params: AttemptParams,
    querystring: PreviewQuery,
    response: Nothing,
  },
})
