/** `framehouse restore [BACKUP]` and `framehouse salvage FOLDER`: recovery from lost or damaged manager files. */
import { resolve } from 'node:path'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT, FailedError } from '../../errors.ts'
import { makeNewFolder } from './newFolder.ts'
import { printJson } from '../../output/output.ts'
import { DATA_OPTIONS, managerData } from '../../parsing/serviceOptions.ts'

export const restoreCommand = defineCommand({
  path: ['restore'],
  summary: "restore a manager's data folder from a backup",
  details:
    'The manager must be stopped. BACKUP is the folder of a backup; the default is the newest automatic backup. The current\n' +
    'files are not deleted but moved to a folder "replaced-…" beside it. Jobs submitted since the backup are lost.',
  examples: ['framehouse restore --data /srv/framehouse', 'framehouse restore --data /srv/framehouse /backup/framehouse-2026-05-04'],
  positionals: [{ name: 'BACKUP', help: 'folder of a backup (default: the newest automatic backup)', completes: 'folder', optional: true }],
  options: DATA_OPTIONS,
  async run(context, { options, words, json }) {
    const folder = managerData(context, options.data)
    const backup = words[0] === undefined ? undefined : resolve(context.cwd, words[0])
    const [{ restore, RestoreError }, release] = await Promise.all([import('../../../store/guard/restore.ts'), takeFolder(folder)])
    try {
      const result = await restore(folder, backup, context.now())
      if (json) printJson(context.terminal, { data: folder, ...result, aside: result.aside ?? null })
      else {
        const aside = result.aside === undefined ? '' : `The previous files are in ${result.aside}\n`
        context.terminal.out(`${folder} restored from ${result.backup}\n${aside}`)
      }
      return EXIT.done
    } catch (error) {
      throw error instanceof RestoreError ? new FailedError(error.message, 'restore') : error
    } finally {
      await release()
    }
  },
})

export const salvageCommand = defineCommand({
  path: ['salvage'],
  summary: 'recover the readable parts of a damaged data folder into a new one',
  details:
    'The manager must be stopped. Creates FOLDER, which must not exist yet; afterwards start the manager with --data FOLDER. Lost data is\n' +
    'listed, and recorded in FOLDER/salvage-report.txt. The damaged folder is left unchanged. Prefer a recent backup if there is one.',
  examples: ['framehouse salvage --data /srv/framehouse /srv/framehouse-saved'],
  positionals: [{ name: 'FOLDER', help: 'destination folder', completes: 'folder' }],
  options: DATA_OPTIONS,
  async run(context, input) {
    const { salvage, reportOf, hasLosses } = await import('../../../store/guard/salvage.ts')
    const { DIALECTS } = await import('../../../manager.ts')
    const { from, to, result } = await makeNewFolder(context, input, 'salvage', async (folder, target, tell) => {
      const release = await takeFolder(folder)
      return salvage(folder, target, DIALECTS, (text) => tell(0, text)).finally(release)
    })
    if (input.json) printJson(context.terminal, { data: from, to, ...result })
    else {
      const verdict = hasLosses(result) ? 'some data was lost, see above' : 'nothing was lost'
      context.terminal.out(`${reportOf(from, result)}\n${to}: ${verdict}\n`)
    }
    return EXIT.done
  },
})

/** @throws FailedError while a manager uses it */
async function takeFolder(folder: string): Promise<() => Promise<void>> {
  const { FolderInUseError, lockFolder } = await import('../../../store/folderLock.ts')
  try {
    return await lockFolder(folder)
  } catch (error) {
    throw error instanceof FolderInUseError ? new FailedError(`${error.message}: stop it first`, 'folder-in-use') : error
  }
}
