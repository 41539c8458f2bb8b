/** The files that a job saved, as people fetch them: those that workers sent, and for a job with shared storage the frames that it wrote. */
import { open, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { ZipFile } from 'yazl'
import { goPlatform } from '../../../shared/paths/crosspath.ts'
import { cleanPath } from '../../../shared/paths/jobPaths.ts'
import type { Results as ResultsView } from '../../../shared/schemas/jobs/content.ts'
import { NotFoundError } from '../../engine/base/errors.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import {
  homeResult,
  homeResults,
  homeTotals,
  writtenFile,
  writtenFiles,
  writtenTotals,
  type WrittenFile,
} from '../../store/queries/jobs/resultFiles.ts'
import { outputsOfTask } from '../../store/queries/jobs/outputs.ts'
import { openShared, pathHere, withFoldersOf, type FileHost } from '../sharedFiles.ts'
import { placeOf } from './landing.ts'
import type { Results } from './results.ts'

export interface JobFilesParts {
  farm: Pick<FarmEngine, 'workers'>
  read: ReadDatabase
  results: Results
  settings: { current(): FarmSettings }
  paths: { data: string; storage(): string }
}

export interface JobFile {
  /** Below the job's output folder, with slashes. */
  path: string
  bytes: number
  /** Null: it was not sent. */
  sha256: string | null
  taskIndex: number
  seq: number
  /** Milliseconds since the epoch. */
  at: number
}

interface JobRow {
  publicId: string
  name: string
  root: string | null
  folder: string | null
}

const ZIP_PAGE = 1000

export class JobFiles {
  constructor(private readonly parts: JobFilesParts) {}

  /** Files in the order in which they arrived, after `after`. */
  async page(jobId: number, after: number, limit: number): Promise<{ items: JobFile[]; more: boolean }> {
    const { read } = this.parts
    const job = await this.need(jobId)
    const found: JobFile[] =
      job.root === null
        ? (await writtenFiles(read, jobId, after, limit + 1)).map((file) => ({ ...file, path: shortPath(file, job), sha256: null }))
        : (await homeResults(read, jobId, after, limit + 1)).map((file) => ({ ...file, at: file.receivedAt }))
    return { items: found.slice(0, limit), more: found.length > limit }
  }

  /** Where they are, and how many. */
  async about(jobId: number): Promise<Pick<ResultsView, 'folder' | 'kept' | 'total' | 'awaited'>> {
    const { read, results } = this.parts
    const { root, folder } = await this.need(jobId)
    if (root === null) return { folder, kept: 'written', total: await writtenTotals(read, jobId), awaited: [] }
    const [total, awaited] = await Promise.all([homeTotals(read, jobId), results.awaited(jobId)])
    return {
      folder: root,
      kept: results.isOwn(root) ? 'manager' : 'shared',
      total,
      awaited: awaited.map(({ workerId, name, files, bytes }) => ({ worker: { id: workerId, name }, files, bytes })),
    }
  }

  async nameOf(jobId: number): Promise<string> {
    return (await this.need(jobId)).name
  }

  /**
   * Opens a file of the list. The caller closes it, or reads it to its end.
   * @throws NotFoundError, also for one that the manager may not open; InvalidInputError
   */
  async open(jobId: number, path: string): Promise<{ file: FileHandle; bytes: number }> {
    const job = await this.need(jobId)
    if (job.root === null) return this.openWritten(jobId, job, path)
    const place = placeOf(job.root, path)
    if ((await homeResult(this.parts.read, jobId, path)) === undefined) throw new NotFoundError('result', path)
    const file = await open(place).catch(() => {
      throw new NotFoundError('file', path)
    })
    return { file, bytes: (await file.stat()).size }
  }

  private async openWritten(jobId: number, job: JobRow, path: string): Promise<{ file: FileHandle; bytes: number }> {
    const { read, settings, paths, farm } = this.parts
    const frame =
      (await writtenFile(read, jobId, job.folder === null ? path : `${cleanPath(job.folder)}/${path}`)) ??
      (await writtenFile(read, jobId, path))
    if (frame === undefined) throw new NotFoundError('result', path)
    const host: FileHost = { platform: goPlatform(process.platform), storagePath: paths.storage(), dataFolder: paths.data }
    const here = pathHere(frame.path, frame.platform, settings.current(), host)
    const outputs = withFoldersOf(
      await outputsOfTask(read, job.publicId, frame.taskIndex),
      farm.workers.find(frame.workerId),
      settings.current(),
      host,
    )
    const opened = await openShared(here, settings.current(), host, outputs)
    if (opened === 'missing' || opened === 'outside') throw new NotFoundError('file', path)
    return { file: opened.file, bytes: opened.bytes }
  }

  private async need(jobId: number): Promise<JobRow> {
    const row = await this.parts.read.get<JobRow>(
      'select public_id as publicId, name, results_root as root, output_dir as folder from jobs where id = ?',
      [jobId],
    )
    if (row === undefined) throw new NotFoundError('job', String(jobId))
    return row
  }
}

/** Below the job's output folder; a file elsewhere by its whole path, without what begins a path. */
function shortPath({ path }: Pick<WrittenFile, 'path'>, { folder }: JobRow): string {
  const clean = cleanPath(path)
  const outer = folder === null ? undefined : `${cleanPath(folder).replace(/\/$/, '')}/`
  if (outer !== undefined && clean.startsWith(outer)) return clean.slice(outer.length)
  return clean.replace(/^([A-Za-z]):/, '$1').replace(/^\/+/, '')
}

/**
 * The files as a zip archive, stored as they are: pictures do not get smaller. What cannot be opened is left out. `onProblem`: the archive
 * breaks off, and its reader sees that it is not whole.
 */
export function zipOf(files: JobFiles, jobId: number, onProblem: (error: unknown) => void): Readable {
  const zip = new ZipFile()
  // Node's own type of the same stream.
  const stream = zip.outputStream as unknown as Readable
  const fill = async (): Promise<void> => {
    for (let after = 0, more = true; more;) {
      const page = await files.page(jobId, after, ZIP_PAGE)
      for (const { path, at } of page.items) {
        zip.addReadStreamLazy(path, { compress: false, mtime: new Date(at) }, (give) => {
          files.open(jobId, path).then(
            ({ file }) => give(null, file.createReadStream()),
            (error: unknown) => give(error, Readable.from([])),
          )
        })
      }
      after = page.items.at(-1)?.seq ?? after
      more = page.more
    }
    zip.end()
  }
  const fail = (error: unknown): void => {
    onProblem(error)
    stream.destroy(error instanceof Error ? error : new Error(String(error)))
  }
  zip.on('error', fail)
  fill().catch(fail)
  return stream
}
