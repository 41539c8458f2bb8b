/** One file of a tar-stream archive, written as it is read. */
import { once } from 'node:events'
import type { Pack } from 'tar-stream'

/**
 * Adds a file whose header states its size. Resolves when the archive has taken all of it, or when its reader is gone.
 * @throws what the body throws. The archive ends with an error, too, when the body has another size than stated
 */
export async function addFile(archive: Pack, header: Parameters<Pack['entry']>[0], body: AsyncIterable<Uint8Array>): Promise<void> {
  const closed = once(archive, 'close').catch(() => undefined)
  const entry = archive.entry(header)
  // The archive ends with the same error; without a listener this one would end the process.
  entry.on('error', () => undefined)
  for await (const chunk of body) {
    if (archive.destroyed) return
    if (!entry.write(chunk)) await Promise.race([once(entry, 'drain'), closed])
  }
  entry.end(undefined)
}
