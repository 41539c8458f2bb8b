/** Operations of the native API: jobs/frames. */
import { Frame } from '../../schemas/jobs/frame.ts'
import { Type } from 'typebox'
import { nullable } from '../../schemas/common.ts'
import { WallFrame } from '../../schemas/farm.ts'
import { FrameQuery } from './jobContents.ts'
import { operation } from '../operation.ts'

const FrameParams = Type.Object({ frameId: Type.Integer({ minimum: 1 }) })
const Versioned = Type.Object({ v: Type.Optional(Type.String({ maxLength: 40 })), ticket: Type.Optional(Type.String({ maxLength: 1000 })) })

export const getFrame = operation({
  method: 'GET',
  url: '/frames/:frameId',
  config: { access: 'read' },
  schema: { tags: ['frames'], operationId: 'getFrame', summary: 'One frame', params: FrameParams, response: { 200: Frame } },
})

export const getFrameFile = operation({
  method: 'GET',
  url: '/frames/:frameId/file',
  config: { access: 'read', ticket: 'media' },
  schema: {
    tags: ['frames'],
    operationId: 'getFrameFile',
    summary: 'The file that the renderer wrote, if this manager can reach it',
    description: 'Only files in an output folder of the job, in the shared storage or under a two-way variable; otherwise 403.',
    params: FrameParams,
    querystring: Versioned,
  },
})

export const listNewestFrames = operation({
  method: 'GET',
  url: '/frames',
  config: { access: 'read' },
  schema: {
    tags: ['frames'],
    operationId: 'listNewestFrames',
    summary: 'Newest frames of all jobs',
    querystring: FrameQuery,
    response: { 200: Type.Object({ items: Type.Array(WallFrame), next: nullable(Type.String()) }) },
  },
})

function previewOperation<const U extends string>(url: U, operationId: string, summary: string) {
  return operation({
    method: 'GET',
    url,
    config: { access: 'read', ticket: 'media' },
    schema: { tags: ['frames'], operationId, summary, params: FrameParams, querystring: Versioned },
  })
}

/** The pictures of a frame, by size. */
export const getPreview = {
  thumbnail: previewOperation('/frames/:frameId/thumbnail', 'getThumbnail', 'The thumbnail preview, JPEG'),
  large: previewOperation('/frames/:frameId/large', 'getLargePreview', 'The large preview, JPEG'),
  light: previewOperation('/frames/:frameId/light', 'getLight', 'The light of an EXR or HDR picture: linear half floats, packed'),
}
