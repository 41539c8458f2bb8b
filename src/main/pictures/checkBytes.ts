/** Picks the reader for what a file is. */
import type { ByteReader } from './byteReader.ts'
import { decodeBySharp } from './decode.ts'
import { checkExr } from './exr/checkExr.ts'
import { checkBmp } from './formats/bmp.ts'
import { walkBoxes } from './formats/boxes.ts'
import { checkCineon, checkDpx } from './formats/film.ts'
import { checkHdr } from './formats/hdr.ts'
import { scanJpeg } from './formats/jpeg.ts'
import { scanJpeg2000 } from './formats/jpeg2000.ts'
import { checkPng } from './formats/png.ts'
import { walkRiff } from './formats/riff.ts'
import { checkSgi } from './formats/sgi.ts'
import { checkTga } from './formats/tga.ts'
import { scanTiff } from './formats/tiff.ts'
import { checkMovie, decodeMovie } from './movie.ts'
import { expectedFormat, hasNoEnding, sniff, type Format } from './sniff.ts'
import { DamagedError, UncheckedError, type Size, type Verdict, type Whole } from './verdict.ts'

export interface Checked {
  verdict: Verdict
  /** Sizes that are as good as the verdict's own (an OpenEXR file has two windows). */
  sizes?: readonly Size[]
}

export interface Helpers {
  ffmpeg?: string
  signal?: AbortSignal
}

type Check = (path: string, reader: ByteReader, helpers: Helpers) => Promise<Whole>

const CHECKS: Record<Exclude<Format, 'OpenEXR'>, Check> = {
  PNG: (_, reader) => checkPng(reader),
  JPEG: checkJpeg,
  TIFF: checkTiff,
  WebP: checkWebP,
  GIF: (path) => decoded('GIF', path),
  AVIF: checkAvif,
  'Radiance HDR': (_, reader) => checkHdr(reader),
  BMP: (_, reader) => checkBmp(reader),
  DPX: (_, reader) => checkDpx(reader),
  Cineon: (_, reader) => checkCineon(reader),
  SGI: (_, reader) => checkSgi(reader),
  'JPEG 2000': checkJpeg2000,
  MP4: movie('MP4'),
  Matroska: movie('Matroska'),
  AVI: movie('AVI'),
  Ogg: movie('Ogg'),
  FLV: movie('FLV'),
  MPEG: movie('MPEG'),
}

/** @throws DamagedError, UncheckedError, NodeJS errors */
export async function checkBytes(path: string, reader: ByteReader, helpers: Helpers): Promise<Checked> {
  const expected = expectedFormat(path)
  if (reader.size === 0) {
    if (expected !== undefined || hasNoEnding(path)) throw new DamagedError('is empty')
    throw new UncheckedError('is empty, and no picture by its name')
  }
  const format = sniff(await reader.head(64))
  if (format === 'OpenEXR') return await checkExr(reader, helpers.signal)
  if (format !== undefined) return { verdict: await CHECKS[format](path, reader, helpers) }
  if (expected === 'TGA') return { verdict: await checkTga(reader) }
  if (expected === 'movie') return { verdict: await checkUnknownMovie(path, reader, helpers) }
  if (expected !== undefined) throw new DamagedError(`is no ${expected} file`)
  throw new UncheckedError('nothing here reads files of this format')
}

async function checkJpeg(path: string, reader: ByteReader): Promise<Whole> {
  const size = await scanJpeg(reader)
  return { ...(await decoded('JPEG', path)), ...size }
}

/** Compressions that the image library has a decoder for; without one there is no proof. */
const TIFF_DECODED = new Set([1, 5, 7, 8, 32_773, 32_946])

async function checkTiff(path: string, reader: ByteReader): Promise<Whole> {
  const { compression, width, height } = await scanTiff(reader)
  const result = await decodeBySharp(path)
  if (result.ok) return { state: 'whole', format: 'TIFF', width, height, facts: result.decoded.facts }
  // Unusual pixels, perhaps; that all bytes are there and that deflated ones unpack is known already.
  if ([1, 8, 32_946].includes(compression)) return { state: 'whole', format: 'TIFF', width, height }
  const broken =
    TIFF_DECODED.has(compression) && /corrupt|not enough data|truncat|read error|decod(e|ing) error|premature/i.test(result.problem)
  if (broken) throw new DamagedError(`cannot be decoded (${result.problem})`)
  throw new UncheckedError(`the image library does not read it (${result.problem})`)
}

async function checkWebP(path: string, reader: ByteReader): Promise<Whole> {
  await walkRiff(reader)
  return await decoded('WebP', path)
}

async function checkAvif(path: string, reader: ByteReader): Promise<Whole> {
  await walkBoxes(reader, 'meta')
  const result = await decodeBySharp(path)
  // Its decoder knows 8 bits a sample only.
  if (!result.ok) throw new UncheckedError(`the image library does not read it (${result.problem})`)
  return { state: 'whole', format: 'AVIF', ...result.decoded }
}

async function checkJpeg2000(path: string, reader: ByteReader, { ffmpeg, signal }: Helpers): Promise<Whole> {
  const size = await scanJpeg2000(reader)
  if (ffmpeg === undefined) throw new UncheckedError('ffmpeg, which reads JPEG 2000, is not installed here')
  const { state, format } = await decodeMovie(path, 'JPEG 2000', ffmpeg, signal)
  return { state, format, ...size }
}

/** What only the image library may decode. */
async function decoded(format: Format, path: string): Promise<Whole> {
  const result = await decodeBySharp(path)
  if (!result.ok) throw new DamagedError(`cannot be decoded (${result.problem})`)
  return { state: 'whole', format, ...result.decoded }
}

function movie(format: Format): Check {
  return (path, reader, helpers) => checkMovie(path, reader, format, helpers)
}

/** Some kinds of movies have no mark at their beginning; text is none of them. */
async function checkUnknownMovie(path: string, reader: ByteReader, helpers: Helpers): Promise<Whole> {
  const head = await reader.head(512)
  if (head.every((byte) => (byte >= 32 && byte < 127) || [9, 10, 13].includes(byte))) throw new DamagedError('is text, no movie')
  return await checkMovie(path, reader, undefined, helpers)
}
