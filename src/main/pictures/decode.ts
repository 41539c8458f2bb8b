/** Decodes whole pictures with the image library, on its own threads. */
import type { Sharp } from 'sharp'
import { factsOfRanges, SampleWatch } from './facts.ts'
import type { PictureFacts } from './verdict.ts'

/** A picture of more bytes than this is decoded line by line, which takes longer. */
const MAX_RAW_BYTES = 256 * 1024 * 1024

export interface Decoded {
  /** As the picture is stored, before any rotation. */
  width: number
  height: number
  facts: PictureFacts
}

/** What the library made of a file. */
export type DecodeResult = { ok: true; decoded: Decoded } | { ok: false; problem: string }

/** Decodes all pixels of all pages. Never throws. */
export async function decodeBySharp(path: string): Promise<DecodeResult> {
  // Loaded with the first picture: a manager listens before it is needed.
  const { default: sharp } = await import('sharp')
  // A file that is written again must not be answered from memory.
  sharp.cache(false)
  // A cut file is an error, a warning about an unknown tag is none.
  const options = { failOn: 'truncated', limitInputPixels: false, unlimited: true, sequentialRead: true, pages: -1 } as const
  try {
    const { width, height, pageHeight, channels } = await sharp(path, options).metadata()
    const fits = width * height * channels <= MAX_RAW_BYTES
    const facts = fits ? await factsOfRaw(sharp(path, options)) : await factsOfStatistics(sharp(path, options))
    return { ok: true, decoded: { width, height: pageHeight ?? height, facts } }
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }
  }
}

async function factsOfRaw(picture: Sharp): Promise<PictureFacts> {
  const { data, info } = await picture.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  const watch = new SampleWatch(info.channels, info.channels < 3 ? 1 : 3)
  watch.add(data)
  return watch.facts()
}

async function factsOfStatistics(picture: Sharp): Promise<PictureFacts> {
  const { channels } = await picture.toColourspace('srgb').stats()
  return factsOfRanges(channels, channels.length < 3 ? 1 : 3)
}
