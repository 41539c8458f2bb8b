/** `framehouse backup FOLDER`: a copy of the farm that can be started from. */
import { resolve } from 'node:path'
import { defineCommand } from '../command.ts'
import { EXIT, FailedError, UsageError, interrupted } from '../errors.ts'
import { bytes } from '../format.ts'
import { printJson } from '../output.ts'
import { makeProgress, noProgress } from '../progress.ts'
import { DATA_OPTIONS, managerData } from '../serviceOptions.ts'

export const backup = defineCommand({
  path: ['backup'],
  summary: "copy a manager's database, logs and scripts, also while it runs",
  details:
    'FOLDER is made and must not exist yet. It becomes a data folder: to bring a farm back, stop the manager and start it with\n' +
    '--data FOLDER, or copy it over the old one. Rendered files, checkouts and previews stay where they are.',
  examples: ['framehouse backup --data /srv/framehouse /backup/framehouse-$(date +%F)'],
  positionals: [{ name: 'FOLDER', help: 'where to write the copy', completes: 'folder' }],
  options: DATA_OPTIONS,
  async run(context, { options, words, json }) {
    const from = managerData(context, options.data)
    const to = resolve(context.cwd, words[0] ?? '')
    const progress = json ? noProgress : makeProgress(context.terminal, context.now)
    // Loaded only here: other commands do not wait for the database's native module.
    const { backUp, BackupError } = await import('../../store/backup.ts')
    try {
      const result = await backUp(from, to, (share, text) => progress.update(share, text), context.signal)
      progress.clear()
      if (json) printJson(context.terminal, { from, to, ...result })
      else context.terminal.out(`${to}: ${bytes(result.bytes)} in ${result.files} files\n`)
      return EXIT.done
    } catch (error) {
      if (!(error instanceof BackupError)) throw error
      if (error.code === 'exists') throw new UsageError(error.message, 'FOLDER', ['backup'])
      throw error.code === 'interrupted' ? interrupted() : new FailedError(error.message, error.code)
    } finally {
      progress.clear()
    }
  },
})
