/**
 * The thread that renders frames of the demo: one request, one picture. It holds nothing native, so it can be ended at
 * any moment; the picture is compressed and written by the agent's side.
 */
import { parentPort } from 'node:worker_threads'
import { type FrameFormat, createFrameRenderer } from './render.ts'

/** Asks for the moment `phase` (0–1) of a scene's loop. */
export interface TraceRequest {
  scene: string
  format: FrameFormat
  phase: number
}

/** RGB bytes, rows from the top. */
export interface TraceReply {
  pixels: Uint8Array<ArrayBuffer>
}

let key = ''
let render: ReturnType<typeof createFrameRenderer> | undefined

parentPort?.on('message', ({ scene, format, phase }: TraceRequest) => {
  const wanted = JSON.stringify([scene, format])
  if (render === undefined || wanted !== key) render = createFrameRenderer(scene, format)
  key = wanted
  const pixels = render(phase)
  parentPort?.postMessage({ pixels } satisfies TraceReply, [pixels.buffer])
})
