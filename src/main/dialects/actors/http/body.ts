/** Bodies of requests: JSON, forms, multipart forms, bytes. Read here, understood by the routes. */
import type { Readable } from 'node:stream'
import { Busboy } from '@fastify/busboy'
import type { FastifyInstance } from 'fastify'
import { ActorsError } from '../errors.ts'

export type Body =
  | { kind: 'none' }
  | { kind: 'json'; text: string }
  | { kind: 'form'; fields: URLSearchParams }
  /** Not read yet; the handler that uses it reads it to its end. */
  | { kind: 'bytes'; stream: Readable; length: number | undefined }
  | { kind: 'text'; text: string }

const NO_BODY: Body = { kind: 'none' }
const MAX_FIELDS = 1_000

/** Instead of the server's parsers. Text is UTF-8; what is not is refused. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => answer(done, () => asText(body, 'json')))
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) =>
    answer(done, () => ({ kind: 'form', fields: new URLSearchParams(decode(body)) })),
  )
  app.addContentTypeParser('multipart/form-data', { parseAs: 'buffer' }, (request, body, done) => {
    multipart(request.headers['content-type'] ?? '', body).then(
      (fields) => done(null, { kind: 'form', fields }),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    )
  })
  app.addContentTypeParser('application/octet-stream', (request, payload, done) => {
    const length = request.headers['content-length']
    done(null, { kind: 'bytes', stream: payload, length: length === undefined ? undefined : Number(length) })
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => answer(done, () => asText(body, 'text')))
}

/** The body of a request that one of the parsers has read. */
export function bodyOf(body: unknown): Body {
  // Only the parsers above make bodies.
  return typeof body === 'object' && body !== null && 'kind' in body ? (body as Body) : NO_BODY
}

type Done = (error: Error | null, body?: unknown) => void

function answer(done: Done, read: () => Body): void {
  let body: Body
  try {
    body = read()
  } catch (error) {
    return done(error instanceof Error ? error : new Error(String(error)))
  }
  done(null, body)
}

function asText(body: string | Buffer, kind: 'json' | 'text'): Body {
  return body.length === 0 ? NO_BODY : { kind, text: decode(body) }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

function decode(body: string | Buffer): string {
  try {
    return typeof body === 'string' ? body : UTF8.decode(body)
  } catch {
    throw new ActorsError('The body is not valid UTF-8 text.')
  }
}

/** The fields of a multipart form; files are none. @throws ActorsError */
function multipart(contentType: string, body: string | Buffer): Promise<URLSearchParams> {
  return new Promise((resolve, reject) => {
    const fields = new URLSearchParams()
    const refuse = (error: unknown): void =>
      reject(new ActorsError(`The form cannot be read: ${error instanceof Error ? error.message : String(error)}`))
    try {
      const parser = new Busboy({
        headers: { 'content-type': contentType },
        limits: { fields: MAX_FIELDS, files: MAX_FIELDS, fieldSize: body.length, headerPairs: 100 },
      })
      parser.on('field', (name, value) => fields.append(name, value))
      parser.on('file', (_name, stream) => stream.resume())
      parser.on('error', refuse)
      parser.on('finish', () => resolve(fields))
      parser.end(body)
    } catch (error) {
      refuse(error)
    }
  })
}
