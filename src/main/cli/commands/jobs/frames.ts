/** `framehouse frames JOB`: the files that a job saved. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import type { Frame } from '../../client/client.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { resolveJobId } from '../../client/ids.ts'
import { printJson } from '../../output/output.ts'

const PAGE = 1000

export const frames = defineCommand({
  path: ['frames'],
  summary: 'print the paths of the images that a job saved, one per line',
  examples: ['framehouse frames last | xargs -d "\\n" cp -t /mnt/review'],
  positionals: [{ name: 'JOB', help: 'the job', completes: 'job' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const id = await resolveJobId(client, words[0] ?? '')
    const all: Frame[] = []
    for (let cursor: string | undefined, more = true; more;) {
      const page = await client.frames(id, { limit: PAGE, cursor })
      if (json) all.push(...page.items)
      else for (const frame of page.items) context.terminal.out(`${frame.path}\n`)
      cursor = page.next ?? undefined
      more = cursor !== undefined
    }
    if (json) printJson(context.terminal, all)
    return EXIT.done
  },
})
