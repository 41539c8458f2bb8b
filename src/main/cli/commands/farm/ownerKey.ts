/** `framehouse owner-key API`: a key for the owner of another API, such as the server owner of Colonies. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { printJson } from '../../output/output.ts'

export const ownerKey = defineCommand({
  path: ['owner-key'],
  summary: 'make a key for the owner of another API; it is shown only once',
  details:
    'The id of the new key becomes the setting of that API (coloniesServerId), in place of the one before: the old key no\n' +
    'longer counts.',
  examples: ['framehouse owner-key colonies'],
  positionals: [{ name: 'API', help: 'which API', choices: ['colonies'] }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const made = await makeClient(context, options).makeDialectKey(words[0] ?? '')
    if (json) {
      printJson(context.terminal, made)
      return EXIT.done
    }
    context.terminal.err(`The private key for ${made.setting} ${made.value}; save it now, it is not shown again:\n`)
    context.terminal.out(`${made.secret}\n`)
    return EXIT.done
  },
})
