/** /frames: the newest of the farm, previews, original files. User content is never served as a page of this server. */
import { getFrame, listNewestFrames, getFrameFile, getPreview } from '../../../../shared/operations/jobs/frames.ts'
import type { FileHandle } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import type { FastifyReply } from 'fastify'
import { goPlatform } from '../../../../shared/paths/crosspath.ts'
import type { PreviewSize } from '../../../../shared/schemas/agent.ts'
import { NotAllowedError, NotFoundError } from '../../../engine/base/errors.ts'
import { Previews } from '../../../files/previews.ts'
import { openShared, pathHere, withFoldersOf } from '../../../files/sharedFiles.ts'
import { outputsOfTask, saverOfFrame } from '../../../store/queries/jobs/outputs.ts'
import { findFrame, newestFrames, toFrame, type FrameRow } from '../../../store/queries/tasks/frames.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'
import { userContentHeaders } from './userContent.ts'

const PREVIEW_SIZES = ['thumbnail', 'large', 'light'] as const

/** Formats that renderers write; nothing else is served, whatever path a worker recorded. */
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
    if (!frame || frame.job_deleted_at !== null) throw new NotFoundError('frame', String(id))
    return frame
  }

  app.route({ ...listNewestFrames, handler: ({ query }) => newestFrames(context.read, { ...query, limit: query.limit ?? 100 }) })

  app.route({ ...getFrame, handler: async ({ params }) => toFrame(await requireFrame(params.frameId)) })

  for (const size of PREVIEW_SIZES) {
    app.route({
      ...getPreview[size],
      handler: async (request, reply) =>
        sendPreview(reply, previews, await requireFrame(request.params.frameId), size, request.query.v, request.headers['if-none-match']),
    })
  }

  app.route({
    ...getFrameFile,
    handler: async (request, reply) => {
      const frame = await requireFrame(request.params.frameId)
      const file = await reachableImage(context, frame)
      return reply
        .headers(userContentHeaders(file.type))
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(basename(frame.path))}`)
        .header('content-length', file.bytes)
        .send(file.file.createReadStream())
    },
  })
}

/** With `v` the address identifies one rendering and may be cached forever; without it, the browser revalidates. */
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
 * The recorded file, if the manager may open it and its name is an image's, also after symbolic links are resolved. The
 * caller must read or close the open file.
 * @throws NotAllowedError, NotFoundError
 */
async function reachableImage(
  { farm, settings, paths, read }: ServerContext,
  frame: FrameRow,
): Promise<{ file: FileHandle; type: string; bytes: number }> {
  const type = IMAGE_TYPES[extname(frame.path).toLowerCase()]
  if (type === undefined) throw new NotAllowedError('only image and video files can be downloaded')
  const host = { platform: goPlatform(process.platform), storagePath: paths.storage(), dataFolder: paths.data }
  const [written, saver] = await Promise.all([outputsOfTask(read, frame.job_public_id, frame.task_idx), saverOfFrame(read, frame.id)])
  const here = saver?.pathIsIts === true ? pathHere(frame.path, saver.platform, settings.current(), host) : frame.path
  const outputs = withFoldersOf(written, saver && farm.workers.find(saver.publicId), settings.current(), host)
  const opened = await openShared(here, settings.current(), host, outputs)
  if (opened === 'missing') throw new NotFoundError('file', frame.path)
  if (opened === 'outside') {
    throw new NotAllowedError(
      "the file is not in the job's output folder, the shared storage, under a two-way variable or in an allowed folder of its worker, or " +
        'it is a hard link that not everyone may read; only its path is listed',
    )
  }
  if (IMAGE_TYPES[extname(opened.path).toLowerCase()] !== undefined) return { file: opened.file, type, bytes: opened.bytes }
  await opened.file.close()
  throw new NotAllowedError('only image and video files can be downloaded')
}
