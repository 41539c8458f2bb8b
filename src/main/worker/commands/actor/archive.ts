/** What is put into the container before it starts: a binary message, and the link to the results socket. */
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { addFile } from '../../../system/tarEntry.ts'
import { BINARY_MESSAGE_PATH, RESULTS_SOCKET_PATH } from '../../../../shared/schemas/actorRun.ts'
import { RESULTS_FOLDER } from './actorSpec.ts'
import { RESULTS_SOCKET_NAME } from './results.ts'

/**
 * A tar stream for the root of a container, written as it is read: a message of 500 MB is never in memory or on the worker's disk.
 * @throws by destroying the stream, when the message breaks off
 */
export function actorArchive(message: { size: number; open(): Promise<Readable> } | undefined): Readable {
  const archive = pack()
  const link = { name: RESULTS_SOCKET_PATH.slice(1), type: 'symlink' as const, linkname: `${RESULTS_FOLDER}/${RESULTS_SOCKET_NAME}` }
  archive.entry(link)
  const addMessage = async (): Promise<void> => {
    if (message === undefined) return
    const body = await message.open()
    await addFile(archive, { name: BINARY_MESSAGE_PATH.slice(1), size: message.size, mode: 0o644 }, body)
  }
  addMessage().then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))),
  )
  // tar-stream's streams are not Node's own.
  return Readable.from(archive, { objectMode: false })
}
