/** The output of a container or service as its engine kept it, from the start. */
import type { Readable } from 'node:stream'
import { ask, type Engine } from './engine.ts'

/**
 * @param of `containers` or `services`
 * @param follow also what comes later
 * @throws EngineRefusedError, EngineUnreachableError
 */
export async function keptLog(engine: Engine, of: 'containers' | 'services', id: string, follow: boolean): Promise<Readable> {
  const what = `cannot read the log of the ${of === 'containers' ? 'container' : 'service'}`
  // dockerode's own call reads a log that is not followed into a text, which breaks the headers between the pieces.
  return new Promise((resolve, reject) => {
    engine.docker.modem.dial(
      {
        path: `/${of}/${id}/logs?`,
        method: 'GET',
        isStream: true,
        options: { follow, stdout: true, stderr: true },
        statusCodes: { 200: true, 404: 'not there', 500: 'server error' },
      },
      (error: unknown, stream: unknown) => {
        if (error) ask(engine, what, Promise.reject(error)).catch(reject)
        else resolve(stream as Readable) // `isStream` says so.
      },
    )
  })
}
