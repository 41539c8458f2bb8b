/** Shared by the commands that write a new folder from a manager's data folder: `backup` and `salvage`. */
import { resolve } from 'node:path'
import { FailedError, interrupted, UsageError } from '../../errors.ts'
import { makeProgress, noProgress } from '../../output/progress.ts'
import type { Context } from '../../parsing/command.ts'
import { managerData } from '../../parsing/serviceOptions.ts'

interface Asked {
  options: { data?: string | undefined }
  words: readonly string[]
  json: boolean
}

type Make<Result> = (from: string, to: string, tell: (share: number, text: string) => void) => Promise<Result>

/** Creates the folder named by the first argument, and reports progress. @throws CliError with the name of the `command` whose help applies */
export async function makeNewFolder<Result>(
  context: Context,
  { options, words, json }: Asked,
  command: string,
  make: Make<Result>,
): Promise<{ from: string; to: string; result: Result }> {
  const from = managerData(context, options.data)
  const to = resolve(context.cwd, words[0] ?? '')
  const progress = json ? noProgress : makeProgress(context.terminal, context.now)
  try {
    return { from, to, result: await make(from, to, (share, text) => progress.update(share, text)) }
  } catch (error) {
    const { NewFolderError } = await import('../../../store/backup/newFolder.ts')
    if (!(error instanceof NewFolderError)) throw error
    if (error.code === 'exists') throw new UsageError(error.message, 'FOLDER', [command])
    throw error.code === 'interrupted' ? interrupted() : new FailedError(error.message, error.code)
  } finally {
    progress.clear()
  }
}
