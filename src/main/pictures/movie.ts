/** Movies: their outer structure first, then all of their pictures decoded by ffmpeg. */
import type { ByteReader } from './byteReader.ts'
import { decodeByFfmpeg } from './ffmpeg.ts'
import { walkBoxes } from './formats/boxes.ts'
import { walkMatroska } from './formats/matroska.ts'
import { walkRiff } from './formats/riff.ts'
import type { Format } from './sniff.ts'
import { DamagedError, UncheckedError, type Whole } from './verdict.ts'

/** What proves damage although the decoder went on. Other complaints (times out of order, unknown tags) prove nothing. */
const PROOF =
  /partial file|file ended prematurely|crc mismatch|checksum (mismatch|error)|error while decoding MB|truncated (packet|frame)|moov atom not found/i

/** It has no decoder for that, or was built without one. */
const NO_DECODER =
  /decoder .*not found|no decoder|not (currently )?supported|unsupported|unimplemented|not implemented|patches ?welcome|unknown decoder|could not find codec/i

/** @throws DamagedError, UncheckedError, NodeJS errors */
export async function checkMovie(
  path: string,
  reader: ByteReader,
  format: Format | undefined,
  helpers: { ffmpeg?: string; signal?: AbortSignal },
): Promise<Whole> {
  if (format === 'MP4') await walkBoxes(reader, 'moov')
  if (format === 'AVI') await walkRiff(reader)
  if (format === 'Matroska') await walkMatroska(reader)
  if (helpers.ffmpeg === undefined) throw new UncheckedError('ffmpeg, which reads movies, is not installed here')
  return await decodeMovie(path, format ?? 'movie', helpers.ffmpeg, helpers.signal)
}

/** All pictures of a movie, or the one of a picture that nothing else reads. @throws DamagedError, UncheckedError, NodeJS errors */
export async function decodeMovie(path: string, format: string, ffmpeg: string, signal?: AbortSignal): Promise<Whole> {
  const { code, frames, width, height, complaints } = await decodeByFfmpeg(ffmpeg, path, signal)
  const unknown = complaints.find((line) => NO_DECODER.test(line))
  if (unknown !== undefined) throw new UncheckedError(`ffmpeg here does not read it (${unknown})`)
  if (code === null) throw new UncheckedError('ffmpeg did not get to its end')
  const proof = complaints.find((line) => PROOF.test(line))
  if (proof !== undefined) throw new DamagedError(`does not decode to its end (${proof})`)
  if (code !== 0 || frames === 0) throw new DamagedError(`cannot be decoded (${complaints.at(-1) ?? 'no picture was found in it'})`)
  return { state: 'whole', format, width, height, frames }
}
