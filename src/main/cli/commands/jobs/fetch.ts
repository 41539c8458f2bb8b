/** `framehouse fetch JOB DIR`: copies what a job saved to this machine. */
import { resolve } from 'node:path'
import { fetchResults } from '../../client/fetchResults.ts'
import { resolveJobId } from '../../client/ids.ts'
import { EXIT } from '../../errors.ts'
import { bytes } from '../../output/format.ts'
import { printJson } from '../../output/output.ts'
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand } from '../../parsing/command.ts'
import { flag } from '../../parsing/options.ts'
import { plural } from '../../../../shared/text/plural.ts'

export const fetch = defineCommand({
  path: ['fetch'],
  summary: "copy a job's results to this machine",
  details:
    'Files that are there already, with the same content, are not copied again. With --follow it copies each file as it arrives at the\n' +
    'manager, until the job has ended and everything is here.',
  examples: ['framehouse fetch last results --follow'],
  positionals: [
    { name: 'JOB', help: 'the job', completes: 'job' },
    { name: 'DIR', help: 'the folder to copy to; created when missing', completes: 'folder' },
  ],
  options: { follow: flag('go on until the job has ended', { short: 'f' }), ...CLIENT_OPTIONS },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const id = await resolveJobId(client, words[0] ?? '')
    const folder = resolve(context.cwd, words[1] ?? '')
    const copied = await fetchResults(client, id, folder, {
      follow: options.follow,
      now: () => performance.now(),
      onFile: (path) => {
        if (!json) context.terminal.out(`${path}\n`)
      },
      onWait: (text) => context.terminal.err(`${text}\n`),
    })
    if (json) printJson(context.terminal, { folder, ...copied })
    else context.terminal.err(`${plural(copied.files, 'file')} (${bytes(copied.bytes)}) copied to ${folder}\n`)
    return copied.jobStatus === 'failed' && options.follow ? EXIT.failed : EXIT.done
  },
})
