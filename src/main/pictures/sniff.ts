/** What a file is: by its first bytes, not by its name. */
import { extname } from 'node:path'
import { PNG_SIGNATURE } from './formats/png.ts'

/** Formats that are known by their beginning. */
export type Format =
  | 'PNG'
  | 'JPEG'
  | 'TIFF'
  | 'WebP'
  | 'OpenEXR'
  | 'Radiance HDR'
  | 'BMP'
  | 'DPX'
  | 'Cineon'
  | 'SGI'
  | 'GIF'
  | 'AVIF'
  | 'JPEG 2000'
  | MovieFormat
export type MovieFormat = 'MP4' | 'Matroska' | 'AVI' | 'Ogg' | 'FLV' | 'MPEG'

/** Endings of pictures and movies → what a file of that name should be. Left out: what other kinds of files are called too. */
const ENDINGS: Record<string, string> = {
  png: 'PNG',
  jpg: 'JPEG',
  jpeg: 'JPEG',
  tif: 'TIFF',
  tiff: 'TIFF',
  webp: 'WebP',
  exr: 'OpenEXR',
  hdr: 'Radiance HDR',
  bmp: 'BMP',
  dpx: 'DPX',
  cin: 'Cineon',
  sgi: 'SGI',
  gif: 'GIF',
  avif: 'AVIF',
  tga: 'TGA',
  jp2: 'JPEG 2000',
  j2c: 'JPEG 2000',
  j2k: 'JPEG 2000',
  mp4: 'movie',
  m4v: 'movie',
  mov: 'movie',
  mkv: 'movie',
  webm: 'movie',
  avi: 'movie',
  ogv: 'movie',
  flv: 'movie',
  mpg: 'movie',
  mpeg: 'movie',
  dv: 'movie',
}

/** The format that a file's name states; undefined when the ending is unknown. */
export function expectedFormat(path: string): string | undefined {
  return ENDINGS[extname(path).slice(1).toLowerCase()]
}

/** Whether the name has no ending, or a number in its place (`frame.0001`): renderers can be set to add none. */
export function hasNoEnding(path: string): boolean {
  return /^(\.\d+)?$/.test(extname(path))
}

/** Boxes that QuickTime files begin with; newer ones begin with `ftyp`. */
const QUICKTIME = new Set(['moov', 'mdat', 'wide', 'free', 'skip', 'pnot'])

/** What the first bytes (64 are enough) say; undefined when they are of nothing that we know. */
export function sniff(head: Buffer): Format | undefined {
  const text = (from: number, to: number) => head.toString('latin1', from, to)
  const number = head.length >= 4 ? head.readUInt32BE(0) : 0
  if (head.subarray(0, 8).equals(PNG_SIGNATURE)) return 'PNG'
  if (number >>> 8 === 0xffd8ff) return 'JPEG'
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(0, 4))) return 'TIFF'
  if (text(0, 4) === 'RIFF') return { WEBP: 'WebP', 'AVI ': 'AVI' }[text(8, 12)] as Format | undefined
  if (number === 0x762f3101) return 'OpenEXR'
  if (text(0, 2) === '#?') return 'Radiance HDR'
  if (text(0, 4) === 'SDPX' || text(0, 4) === 'XPDS') return 'DPX'
  if (number === 0x802a5fd7 || number === 0xd75f2a80) return 'Cineon'
  if (text(0, 5) === 'GIF87' || text(0, 5) === 'GIF89') return 'GIF'
  if (text(4, 8) === 'ftyp') return ['avif', 'avis'].includes(text(8, 12)) ? 'AVIF' : 'MP4'
  if (QUICKTIME.has(text(4, 8))) return 'MP4'
  if (number === 0x1a45dfa3) return 'Matroska'
  if (text(0, 4) === 'OggS') return 'Ogg'
  if (text(0, 3) === 'FLV') return 'FLV'
  if (number === 0x000001ba || number === 0x000001b3) return 'MPEG'
  if (text(4, 8) === 'jP  ' || number === 0xff4fff51) return 'JPEG 2000'
  if (number >>> 16 === 0x01da) return 'SGI'
  if (text(0, 2) === 'BM') return 'BMP'
  return undefined
}
