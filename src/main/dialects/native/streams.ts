/** Bodies that are never in memory as a whole. */
import type { FastifyRequest } from 'fastify'
import type { NativeApp } from './common.ts'

/** Takes `application/octet-stream` as it comes, and nothing else. */
export function acceptStreams(files: NativeApp): void {
  files.removeAllContentTypeParsers()
  files.addContentTypeParser('application/octet-stream', (_request, payload, parsed) => parsed(null, payload))
}

/** The body of such a request; an empty file may have none. */
export function bodyStream({ body }: FastifyRequest): AsyncIterable<Buffer> {
  // What the only parser of these routes gives: the request itself, without an encoding.
  return (body as AsyncIterable<Buffer> | null | undefined) ?? nothing()
}

async function* nothing(): AsyncGenerator<Buffer> {}
