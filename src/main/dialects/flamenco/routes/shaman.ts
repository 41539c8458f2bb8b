/** Shaman: files by content, so that clients only upload missing files (§1.5, §10.3). */
import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import { UnavailableError } from '../../../engine/base/errors.ts'
import { blobKey } from '../../../files/content/blobs.ts'
import type { CheckoutFile } from '../../../files/shaman/checkout.ts'
import { forEachLimited } from '../../../files/content/disk.ts'
import type { ApiContext } from '../../../http/context.ts'
import { WireError } from '../errors.ts'
import { INTEGER_IN_PATH } from '../openapi.ts'
import { errors, NOTHING, type TypedApp } from '../routeSupport.ts'
import { NoBody } from '../schemas/common.ts'
import {
  Sha256,
  ShamanCheckout,
  ShamanCheckoutResult,
  ShamanRequirementsRequest,
  ShamanRequirementsResponse,
  ShamanSingleFileStatus,
} from '../schemas/meta.ts'

/** Room for the several hundred thousand files of a large project. */
const LIST_LIMIT = 64 * 1024 * 1024
/** Concurrent look-ups of files. */
const CHECKS_AT_ONCE = 32

const FileParams = Type.Object({
  checksum: Sha256,
  filesize: Type.String({ pattern: '^[0-9]{1,15}$', description: 'a number of bytes', [INTEGER_IN_PATH]: true }),
})
const OF_THE_ADDON = { access: 'submit', openToLan: true } as const

export function shamanRoutes(app: TypedApp, { shaman }: ApiContext): void {
  app.post(
    '/shaman/checkout/requirements',
    {
      config: OF_THE_ADDON,
      bodyLimit: LIST_LIMIT,
      onRequest: (_request, _reply, done) => done(refusal(shaman.enabled)),
      schema: {
        operationId: 'shamanCheckoutRequirements',
        tags: ['shaman'],
        body: ShamanRequirementsRequest,
        response: { 200: ShamanRequirementsResponse, ...errors(400, 503) },
      },
    },
    async (request) => {
      const distinct = new Map<string, CheckoutFile>()
      for (const file of request.body.files.map(lowered)) if (!distinct.has(blobKey(file))) distinct.set(blobKey(file), file)
      const needed = new Map<string, 'unknown' | 'uploading'>()
      await forEachLimited([...distinct], CHECKS_AT_ONCE, async ([key, file]) => {
        const status = await shaman.store.check(file)
        if (status !== 'stored') needed.set(key, status)
      })
      // In the order of the request, each content once.
      const files = [...distinct].flatMap(([key, { sha, size, path }]) => {
        const status = needed.get(key)
        return status === undefined ? [] : [{ sha, size, path, status }]
      })
      return { files }
    },
  )

  app.post(
    '/shaman/checkout/create',
    {
      config: OF_THE_ADDON,
      bodyLimit: LIST_LIMIT,
      onRequest: (_request, _reply, done) => done(refusal(shaman.enabled)),
      schema: {
        operationId: 'shamanCheckout',
        tags: ['shaman'],
        body: ShamanCheckout,
        response: { 200: ShamanCheckoutResult, ...errors(400, 409, 424, 503) },
      },
    },
    async (request) => ({
      checkoutPath: await shaman.checkouts.create(request.body.checkoutPath, request.body.files.map(lowered)),
    }),
  )

  app.get(
    '/shaman/files/:checksum/:filesize',
    {
      config: OF_THE_ADDON,
      onRequest: (_request, _reply, done) => done(refusal(shaman.enabled)),
      schema: {
        operationId: 'shamanFileStoreCheck',
        tags: ['shaman'],
        params: FileParams,
        response: { 200: ShamanSingleFileStatus, ...errors(400, 503) },
      },
    },
    async (request) => ({ status: await shaman.store.check(blobOf(request.params)) }),
  )
}

/** In its own scope: only this route accepts raw bytes, as a stream that is never in memory as a whole. */
export function shamanUploadRoutes(app: TypedApp, { shaman }: ApiContext): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))

  app.post(
    '/shaman/files/:checksum/:filesize',
    {
      config: { ...OF_THE_ADDON, auditBody: false },
      onRequest: (_request, _reply, done) => done(refusal(shaman.enabled)),
      schema: {
        operationId: 'shamanFileStore',
        tags: ['shaman'],
        consumes: ['application/octet-stream'],
        params: FileParams,
        headers: Type.Object({
          'x-shaman-can-defer-upload': Type.Optional(Type.String()),
          'x-shaman-original-filename': Type.Optional(Type.String()),
        }),
        response: { ...NOTHING, 208: NoBody, ...errors(400, 417, 425, 503) },
      },
    },
    async (request, reply) => {
      const canDefer = flag(request.headers['x-shaman-can-defer-upload'])
      checkFilename(request.headers['x-shaman-original-filename'])
      // An empty file may have no body at all.
      const body = (request.body ?? emptyBody()) as AsyncIterable<Buffer> | Readable
      const result = await shaman.store.store(blobOf(request.params), body, canDefer)
      if (result === 'already-known') return reply.code(208).send()
      if (result === 'deferred') throw new WireError(425, 'another client is uploading this file; try again later')
      return reply.code(204).send()
    },
  )
}

async function* emptyBody(): AsyncGenerator<Buffer> {}

function refusal(enabled: boolean): UnavailableError | undefined {
  return enabled ? undefined : new UnavailableError('the Shaman file store is switched off in the configuration of this manager')
}

function lowered<T extends CheckoutFile>(file: T): T {
  return { ...file, sha: file.sha.toLowerCase() }
}

function blobOf(params: { checksum: string; filesize: string }): { sha: string; size: number } {
  return { sha: params.checksum.toLowerCase(), size: Number(params.filesize) }
}

/** A boolean in a header, as Go and Python write it. */
function flag(value: string | undefined): boolean {
  return value !== undefined && ['true', '1', 't'].includes(value.toLowerCase())
}

/** The name is for people who read logs: ASCII, or RFC 2047's encoded words of UTF-8. */
function checkFilename(value: string | undefined): void {
  if (value === undefined) return
  const encoded = value.split(/\s+/).filter((word) => word.startsWith('=?'))
  const valid = /^[\x20-\x7e]*$/.test(value) && encoded.every((word) => /^=\?utf-8\?[bq]\?[^?\s]*\?=$/i.test(word))
  if (!valid)
    throw new WireError(400, 'X-Shaman-Original-Filename must be ASCII, or encoded words of UTF-8 (RFC 2047)', 'X-Shaman-Original-Filename')
}
