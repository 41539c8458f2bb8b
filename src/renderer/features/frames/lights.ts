/** The light of frames (shared/pictures/sceneLight.ts), fetched when the user changes exposure or channel, and kept for a few frames. */
import { planesOf, splitLight } from '../../../shared/pictures/sceneLight.ts'
import { getFrame } from '../../../shared/operations/jobs/frames.ts'
import { call, getBytes } from '../../api/client.ts'
import { toneMap, type Light, type Look } from './toneMap.ts'
import { versionOf } from './images.ts'

const KEEP = 24
const MAX_LOADING = 2

export interface Developed {
  canvas: HTMLCanvasElement
  light: Light
}

async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

async function load(frameId: number): Promise<Light | null> {
  const frame = await call(getFrame, { params: { frameId } })
  if (!frame.lightUrl) return null
  const { header, packed } = splitLight(await getBytes(frame.lightUrl))
  const planes = planesOf(header, await inflate(Uint8Array.from(packed)))
  return { width: header.width, height: header.height, layers: header.layers.map((layer, i) => ({ ...layer, planes: planes[i] ?? [] })) }
}

export class Lights {
  /** By version of the frame, see images.ts. Null: it has none. */
  private readonly known = new Map<string, Light | null>()
  private readonly loading = new Set<string>()
  private queue: number[] = []
  private made: { key: string; developed: Developed } | undefined

  constructor(private readonly onReady: () => void) {}

  get(frameId: number): Light | null | undefined {
    return this.known.get(versionOf(frameId))
  }

  /** Fetches these frames' light, first ones first; drops earlier requests that are no longer wanted. */
  want(frameIds: readonly number[]): void {
    this.queue = frameIds.filter((id) => !this.known.has(versionOf(id)) && !this.loading.has(versionOf(id)))
    this.pump()
  }

  /** The frame as the look says, on a canvas of its own; undefined while (or where) there is no light. */
  develop(frameId: number, look: Look): Developed | undefined {
    const light = this.get(frameId)
    if (!light) return undefined
    const key = `${versionOf(frameId)}/${look.layer}/${look.channel}/${look.exposure}`
    if (this.made?.key === key) return this.made.developed
    const canvas = this.made?.developed.canvas ?? document.createElement('canvas')
    canvas.width = light.width
    canvas.height = light.height
    canvas.getContext('2d')?.putImageData(new ImageData(toneMap(light, look), light.width, light.height), 0, 0)
    this.made = { key, developed: { canvas, light } }
    return this.made.developed
  }

  private pump(): void {
    while (this.loading.size < MAX_LOADING) {
      const id = this.queue.shift()
      if (id === undefined) return
      const version = versionOf(id)
      this.loading.add(version)
      load(id)
        .catch(() => null)
        .then((light) => {
          this.known.set(version, light)
          for (const oldest of this.known.keys()) {
            if (this.known.size <= KEEP) break
            this.known.delete(oldest)
          }
          this.loading.delete(version)
          this.onReady()
          this.pump()
        })
        .catch(() => {})
    }
  }
}
