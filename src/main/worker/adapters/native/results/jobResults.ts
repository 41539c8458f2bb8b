/** Attempts of jobs without shared storage: where their commands write instead, and how what they saved comes home. */
import type { Fence, ResultsRef } from '../../../../../shared/schemas/agent.ts'
import { pause } from '../../../../../shared/async.ts'
import type { Logger } from '../../../../../shared/logger.ts'
import { CouldNotStartError, type Command } from '../../../contract/commands.ts'
import { RefusedError, UnreachableError } from '../../../link/http.ts'
import type { ReportLog } from '../../../reporting/reportLog.ts'
import { withFolder } from '../localise.ts'
import { AttemptFolder } from './attemptFolder.ts'
import { fetchEarlier } from './earlierResults.ts'
import { ResultSender } from './resultSender.ts'
import type { ResultsApi } from './resultsApi.ts'

export interface JobResultsOptions {
  /** Where results wait; absolute. */
  folder: string
  api: ResultsApi
  reportLog: ReportLog
  log: Logger
  random(): number
  /** Whether previews of files below a folder are still to be made. */
  isInUse(folder: string): boolean
}

/** The results of one attempt. */
export interface AttemptResults {
  /** The commands as this worker runs them; what they need of earlier tasks is there then. @throws CouldNotStartError */
  localise(commands: readonly Command[], say: (activity: string) => void, signal: AbortSignal): Promise<readonly Command[]>
  /** A saved file as the manager knows it. */
  shownPath(file: string): string
  /** A file is whole: it is sent when the manager has the report `seq`. False for a file elsewhere: it stays on this worker. */
  saved(file: string, seq: number): boolean
  /** What the attempt is about to send. After its commands. */
  conclude(succeeded: boolean): Promise<{ path: string; bytes: number }[]>
  /** The attempt is over, and everything of it is in the report log up to `seq`. */
  end(seq: number): void
}

/** A manager that is away for a moment is no reason for a task to fail. */
const FETCH_TRIES = 20
const FETCH_AGAIN_MS = 1000

export class JobResults {
  readonly sender: ResultSender

  constructor(private readonly options: JobResultsOptions) {
    const { api, reportLog, log, random } = options
    this.sender = new ResultSender({ api, reportLog, log, random, isInUse: (folder) => options.isInUse(folder) })
  }

  /**
   * Goes on with what earlier runs of this worker did not send. `interrupted`: attempts that may go on, and send their files then.
   */
  async resume(interrupted: readonly Fence[]): Promise<void> {
    const { folder, log, reportLog } = this.options
    const isInterrupted = (fence: Fence) => interrupted.some((each) => each.taskId === fence.taskId && each.attempt === fence.attempt)
    const found = await AttemptFolder.all(folder, (name, error) =>
      log.warn({ err: error, name }, 'cannot read the results of an earlier run'),
    )
    for (const attempt of found) {
      if (!attempt.ended && isInterrupted(attempt.fence)) continue
      await attempt.note({ ended: true })
      const open = await attempt.open()
      if (open.length > 0) log.info({ ...attempt.fence, files: open.length }, 'sending results of an earlier run of this worker')
      for (const path of open) this.sender.add(attempt, path, reportLog.lastSeq)
      await this.sender.release(attempt)
    }
  }

  of(fence: Fence, { root }: ResultsRef): AttemptResults {
    const { api, folder, log, reportLog } = this.options
    const { sender } = this
    let attempt: AttemptFolder | undefined
    const note = (work: Promise<void> | undefined) =>
      work?.catch((error: unknown) => log.warn({ err: error, ...fence }, 'cannot note a result; a restart of this worker may not send it'))
    return {
      async localise(commands, say, signal) {
        attempt = await AttemptFolder.begin(folder, fence, root).catch((error: unknown) => {
          throw new CouldNotStartError(`cannot make a folder for the results: ${error instanceof Error ? error.message : String(error)}`)
        })
        // A task that was held as the next one begins before the manager knows of the attempt.
        await Promise.race([reportLog.whenAcked(reportLog.lastSeq), aborted(signal)])
        signal.throwIfAborted()
        await patiently(attempt, signal, (own) => fetchEarlier(own, { api, say, elapsed: () => performance.now() }, signal))
        const { files } = attempt
        return commands.map((command) => ({ ...command, parameters: withFolder(command.parameters, root, files) }))
      },
      shownPath: (file) => attempt?.shownPath(file) ?? file,
      saved(file, seq) {
        const path = attempt?.pathOf(file)
        if (attempt === undefined || path === undefined) return false
        void note(attempt.note({ saved: path }))
        sender.add(attempt, path, seq)
        return true
      },
      async conclude(succeeded) {
        if (attempt === undefined) return []
        // A failed command may have left half a file, unreported.
        if (!succeeded) return attempt.whole()
        const all = await attempt.everything()
        for (const { path } of all) await note(attempt.note({ saved: path }))
        return all
      },
      end(seq) {
        const own = attempt
        if (own === undefined) return
        void (async () => {
          await note(own.note({ ended: true }))
          for (const { path } of await own.whole()) if (!(await own.isSettled(path))) sender.add(own, path, seq)
          await sender.release(own)
        })()
      },
    }
  }
}

async function patiently(attempt: AttemptFolder, signal: AbortSignal, fetch: (attempt: AttemptFolder) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await fetch(attempt)
    } catch (error) {
      if (error instanceof RefusedError) throw new CouldNotStartError(`cannot fetch what earlier tasks saved: ${error.message}`)
      if (!(error instanceof UnreachableError)) throw error
      if (tries >= FETCH_TRIES) throw new CouldNotStartError(`cannot fetch what earlier tasks saved: ${error.message}`)
      await pause(FETCH_AGAIN_MS, signal)
    }
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
