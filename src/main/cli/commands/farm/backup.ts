/** `framehouse backup FOLDER`: a copy of the farm that a manager can start from. */
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { makeNewFolder } from './newFolder.ts'
import { bytes } from '../../output/format.ts'
import { printJson } from '../../output/output.ts'
import { DATA_OPTIONS } from '../../parsing/serviceOptions.ts'

export const backup = defineCommand({
  path: ['backup'],
  summary: "copy a manager's database, logs and scripts, even while it runs",
  details:
    'Creates FOLDER, which must not exist yet. The copy is a data folder: to restore the farm, stop the manager and start it with\n' +
    '--data FOLDER, or copy it over the old one. Rendered files, checkouts and previews are not copied.',
  examples: ['framehouse backup --data /srv/framehouse /backup/framehouse-$(date +%F)'],
  positionals: [{ name: 'FOLDER', help: 'destination folder', completes: 'folder' }],
  options: DATA_OPTIONS,
  async run(context, input) {
    // Loaded on demand: other commands must not wait for the database's native module.
    const { backUp } = await import('../../../store/backup/backup.ts')
    const { from, to, result } = await makeNewFolder(context, input, 'backup', (...folders) => backUp(...folders, context.signal))
    if (input.json) printJson(context.terminal, { from, to, ...result })
    else context.terminal.out(`${to}: ${bytes(result.bytes)} in ${result.files} files\n`)
    return EXIT.done
  },
})
