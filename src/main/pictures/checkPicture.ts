/**
 * Whether a rendered file is whole: by its content, to its end. A false "damaged" fails a healthy job, so damage is only
 * what is proven, and what nothing here can read is unchecked.
 */
import { ByteReader } from './byteReader.ts'
import { checkBytes } from './checkBytes.ts'
import { requireSize, verdictOf, type Verdict } from './verdict.ts'

export type { PictureFacts, Verdict } from './verdict.ts'

export interface CheckOptions {
  /** In pixels, as the renderer reported it; another size is damage. */
  width?: number
  height?: number
  /** Path of the program; without it movies and some compressions are unchecked. */
  ffmpeg?: string
  signal?: AbortSignal
}

/**
 * Judges one file by its content. Never throws for what is in the file.
 * @throws NodeJS errors when it cannot be read (ENOENT, EACCES, EIO); the signal's reason
 */
export async function checkPicture(path: string, options: CheckOptions = {}): Promise<Verdict> {
  options.signal?.throwIfAborted()
  try {
    const { verdict, sizes } = await ByteReader.with(path, (reader) => checkBytes(path, reader, options))
    return requireSize(verdict, options, sizes)
  } catch (error) {
    return verdictOf(error)
  }
}
