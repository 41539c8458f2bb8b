/** Copies a job's results: each file whole or not at all, and checked by its hash where the manager knows it. */
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { FINISHED_JOB_STATUSES, type JobStatus } from '../../../shared/enums.ts'
import { getResult, listResults } from '../../../shared/operations/jobs/results.ts'
import type { ResultFile } from '../../../shared/schemas/jobs/content.ts'
import { plural } from '../../../shared/text/plural.ts'
import { CliError, EXIT } from '../errors.ts'
import type { Client } from './client.ts'
import { call, failure, reasonOf, send } from './http.ts'
import { patiently } from './patience.ts'
import { pause } from './pause.ts'
import { hashFile } from '../../system/hashFile.ts'

export interface FetchOptions {
  follow: boolean
  /** Milliseconds. */
  now(): number
  onFile(path: string): void
  /** Once for each thing that it waits for. */
  onWait(text: string): void
}

export interface Fetched {
  /** Copied in this run. */
  files: number
  bytes: number
  jobStatus: JobStatus
}

const LOOK_AGAIN_MS = 1_000
/** Times that a file is read again when its content is not what the list says: it may have been rendered anew meanwhile. */
const TRIES = 3

/** @throws CliError */
export async function fetchResults(client: Client, jobId: string, folder: string, options: FetchOptions): Promise<Fetched> {
  const { connection } = client
  const patience = { signal: connection.signal, now: () => options.now() }
  const fetched: Fetched = { files: 0, bytes: 0, jobStatus: 'queued' }
  let waitsFor = ''
  for (let after = 0; ;) {
    // Asked before the list: what came in between is in it.
    fetched.jobStatus = (await patiently(() => client.job(jobId), patience)).status
    const query = { after }
    const page = await patiently(() => call(connection, listResults, { params: { jobId }, query }), patience)
    for (const file of page.items) {
      if (!(await patiently(() => copy(client, jobId, file, folder), patience))) continue
      fetched.files++
      fetched.bytes += file.bytes
      options.onFile(file.path)
    }
    after = page.next
    if (page.more) continue
    const isOver = FINISHED_JOB_STATUSES.includes(fetched.jobStatus)
    if (!options.follow || (isOver && page.awaited.length === 0)) return fetched
    const text = page.awaited.map(({ worker, files }) => `${plural(files, 'file')} of worker "${worker.name}"`).join(', ')
    if (isOver && text !== waitsFor) options.onWait(`waiting for ${(waitsFor = text)}`)
    await pause(LOOK_AGAIN_MS, connection.signal)
  }
}

/** False when it is here already. */
async function copy(client: Client, jobId: string, file: ResultFile, folder: string): Promise<boolean> {
  const target = join(folder, ...file.path.split('/'))
  const inside = relative(folder, target)
  if (inside === '' || isAbsolute(inside) || inside.split(sep)[0] === '..')
    throw new CliError(EXIT.failed, `the manager listed a file outside of the results: "${file.path}"`, 'unexpected-reply')
  if (await isSame(target, file)) return false
  await mkdir(dirname(target), { recursive: true })
  const unfinished = `${target}.framehouse-part`
  for (let tries = 1; ; tries++) {
    try {
      const response = await send(client.connection, getResult, { params: { jobId }, query: { path: file.path } })
      await download(client, response, unfinished)
      if (file.sha256 !== null && (await hashFile(unfinished)) !== file.sha256) {
        if (tries < TRIES) continue
        throw new CliError(EXIT.failed, `"${file.path}" is not what the manager recorded`, 'content-mismatch')
      }
      await rename(unfinished, target)
      return true
    } finally {
      await rm(unfinished, { force: true })
    }
  }
}

async function download({ connection }: Client, response: Response, target: string): Promise<void> {
  const body = response.body ? Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]) : Readable.from([])
  try {
    await pipeline(body, createWriteStream(target), { signal: connection.signal })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (typeof code === 'string' && ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT'].includes(code))
      throw new CliError(EXIT.failed, `cannot write "${target}": ${code}`, 'unwritable')
    throw failure(connection, reasonOf(error))
  }
}

async function isSame(target: string, { bytes, sha256 }: ResultFile): Promise<boolean> {
  const facts = await stat(target).catch(() => undefined)
  if (facts?.isFile() !== true || facts.size !== bytes) return false
  return sha256 === null || (await hashFile(target)) === sha256
}
