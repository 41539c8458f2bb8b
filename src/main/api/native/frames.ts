/** /frames: the newest of the farm, previews, original files. What users made is never served as a page of ours. */
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { PreviewSize } from '../../../shared/schemas/agent.ts'
import { nullable } from '../../../shared/schemas/common.ts'
import { WallFrame } from '../../../shared/schemas/farm.ts'
import { Frame } from '../../../shared/schemas/job.ts'
import { NotAllowedError, NotFoundError } from '../../engine/errors.ts'
import { Previews } from '../../files/previews.ts'
import { findFrame, newestFrames, toFrame, type FrameRow } from '../../store/queries/frames.ts'
import type { ServerContext } from '../context.ts'
import type { NativeApp } from './common.ts'
import { FrameQuery } from './jobContents.ts'
import { userContentHeaders } from './userContent.ts'

const tags = ['frames']
const FrameParams = Type.Object({ frameId: Type.Integer({ minimum: 1 }) })
const Versioned = Type.Object({ v: Type.Optional(Type.String({ maxLength: 40 })), ticket: Type.Optional(Type.String({ maxLength: 1000 })) })

const PREVIEW_OPERATIONS = { thumbnail: 'getThumbnail', large: 'getLargePreview', light: 'getLight' } as const

/** What renderers write; nothing else is handed out, whatever path a worker recorded. */
const IMAGE_TYPES: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.exr': 'image/x-exr',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.webp': 'image/webp',
  '.bmp': 'image/bmp',
  '.tga': 'image/x-tga',
  '.hdr': 'image/vnd.radiance',
  '.dpx': 'image/x-dpx',
  '.jp2': 'image/jp2',
  '.gif': 'image/gif',
  '.mp4': 'video/mp4',
  '.mkv': 'video/x-matroska',
  '.mov': 'video/quicktime',
  '.webm': 'video/webm',
  '.avi': 'video/x-msvideo',
}

export function frameRoutes(app: NativeApp, context: ServerContext): void {
  const previews = new Previews(context.paths.previews)

  async function requireFrame(id: number): Promise<FrameRow> {
    const frame = await findFrame(context.read, id)
    if (!frame) throw new NotFoundError('frame', String(id))
    return frame
  }

  app.get(
    '/frames',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listNewestFrames',
        summary: 'Newest frames of all jobs',
        querystring: FrameQuery,
        response: { 200: Type.Object({ items: Type.Array(WallFrame), next: nullable(Type.String()) }) },
      },
    },
    ({ query }) => newestFrames(context.read, { ...query, limit: query.limit ?? 100 }),
  )

  app.get(
    '/frames/:frameId',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'getFrame', summary: 'One frame', params: FrameParams, response: { 200: Frame } },
    },
    async ({ params }) => toFrame(await requireFrame(params.frameId)),
  )

  for (const size of ['thumbnail', 'large', 'light'] as const) {
    app.get(
      `/frames/:frameId/${size}`,
      {
        config: { access: 'read', ticket: 'media' },
        schema: {
          tags,
          operationId: PREVIEW_OPERATIONS[size],
          summary: size === 'light' ? 'The light of an EXR or HDR picture: linear half floats, packed' : `The ${size} preview, JPEG`,
          params: FrameParams,
          querystring: Versioned,
        },
      },
      async (request, reply) =>
        sendPreview(reply, previews, await requireFrame(request.params.frameId), size, request.query.v, request.headers['if-none-match']),
    )
  }

  app.get(
    '/frames/:frameId/file',
    {
      config: { access: 'read', ticket: 'media' },
      schema: {
        tags,
        operationId: 'getFrameFile',
        summary: 'The file that the renderer wrote, if this manager can reach it',
        params: FrameParams,
        querystring: Versioned,
      },
    },
    async (request, reply) => {
      const frame = await requireFrame(request.params.frameId)
      const file = await reachableImage(frame.path)
      return reply
        .headers(userContentHeaders(file.type))
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(basename(frame.path))}`)
        .header('content-length', file.bytes)
        .send(createReadStream(file.path))
    },
  )
}

/** With `v` the address belongs to one rendering and may be kept for ever; without, the browser asks whether it changed. */
async function sendPreview(
  reply: FastifyReply,
  previews: Previews,
  frame: FrameRow,
  size: PreviewSize,
  v: string | undefined,
  known: string | undefined,
): Promise<FastifyReply> {
  const preview = frame.preview === 'ready' ? await previews.read(frame.job_public_id, frame.path, size) : undefined
  if (!preview) throw new NotFoundError(`${size} preview of frame`, String(frame.id))
  const isOfVersion = v === String(frame.attempt_id)
  reply.headers(userContentHeaders(size === 'light' ? 'application/octet-stream' : 'image/jpeg')).header('etag', preview.etag)
  reply.header('cache-control', isOfVersion ? 'private, max-age=31536000, immutable' : 'private, no-cache')
  return known === preview.etag ? reply.code(304).send() : reply.send(preview.body)
}

/**
 * The recorded file, where it is an image by name, also after symbolic links were followed.
 * @throws NotAllowedError, NotFoundError
 */
async function reachableImage(path: string): Promise<{ path: string; type: string; bytes: number }> {
  const type = IMAGE_TYPES[extname(path).toLowerCase()]
  if (type === undefined) throw new NotAllowedError('only image and video files are handed out')
  const real = await realpath(path).catch(() => undefined)
  const info = real === undefined ? undefined : await stat(real).catch(() => undefined)
  if (real === undefined || !info?.isFile()) throw new NotFoundError('file', path)
  if (IMAGE_TYPES[extname(real).toLowerCase()] === undefined) throw new NotAllowedError('only image and video files are handed out')
  return { path: real, type, bytes: info.size }
}
