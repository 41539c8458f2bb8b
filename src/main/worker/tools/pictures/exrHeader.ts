/** Just enough of an OpenEXR file's header to know which of its layers to show. */
import { open } from 'node:fs/promises'

const MAGIC = 20000630
/** Headers with hundreds of passes stay below this. */
const HEADER_BYTES = 256 * 1024

/** Names of all channels of the first part; undefined when the bytes are no EXR header. */
export function exrChannels(header: Buffer): string[] | undefined {
  if (header.length < 8 || header.readUInt32LE(0) !== MAGIC) return undefined
  let at = 8
  const readText = (): string | undefined => {
    const end = header.indexOf(0, at)
    if (end < 0) return undefined
    const text = header.toString('latin1', at, end)
    at = end + 1
    return text
  }
  for (;;) {
    const name = readText()
    if (name === undefined || name === '') return undefined
    const type = readText()
    if (type === undefined || at + 4 > header.length) return undefined
    const size = header.readInt32LE(at)
    at += 4
    if (size < 0 || at + size > header.length) return undefined
    if (type !== 'chlist') {
      at += size
      continue
    }
    const channels: string[] = []
    for (let channel = readText(); channel !== undefined && channel !== ''; channel = readText()) {
      channels.push(channel)
      // Pixel type, linear flag and sampling follow each name.
      at += 16
    }
    return channels
  }
}

/**
 * The layer that looks like the picture: '' when the file has plain R, G, B; else the first "…Combined", else the first
 * layer with all three. Undefined when there is none.
 */
export function pictureLayer(channels: readonly string[]): string | undefined {
  const all = new Set(channels)
  const layers = channels
    .filter((name) => name === 'R' || name.endsWith('.R'))
    .map((name) => name.slice(0, -1))
    .filter((prefix) => all.has(`${prefix}G`) && all.has(`${prefix}B`))
  if (layers.includes('')) return ''
  const best = layers.find((prefix) => prefix.endsWith('Combined.')) ?? layers[0]
  return best?.slice(0, -1)
}

/** All layers with red, green and blue, or X, Y and Z (normals, positions), the picture first; '' is the nameless one. */
export function colourLayers(channels: readonly string[]): string[] {
  const all = new Set(channels)
  const complete = (prefix: string, letters: string) => [...letters].every((letter) => all.has(`${prefix}${letter}`))
  const layers = new Set<string>()
  for (const name of channels) {
    const prefix = name.slice(0, -1)
    if (prefix !== '' && !prefix.endsWith('.')) continue
    if (complete(prefix, 'RGB') || complete(prefix, 'XYZ')) layers.add(prefix.slice(0, -1))
  }
  const picture = pictureLayer(channels)
  if (picture === undefined) return [...layers]
  layers.delete(picture)
  return [picture, ...layers]
}

/** As pictureLayer, of a file. */
export async function readPictureLayer(path: string): Promise<string | undefined> {
  const channels = await readExrChannels(path)
  return channels === undefined ? undefined : pictureLayer(channels)
}

/** As exrChannels, of a file. */
export async function readExrChannels(path: string): Promise<string[] | undefined> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
    return exrChannels(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}
