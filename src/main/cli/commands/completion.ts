/** `framehouse completion SHELL`, and the hidden command that the scripts call. */
import { DEFAULT_MANAGER, makeClient } from '../parsing/clientOptions.ts'
import { defineCommand, type Command, type Context } from '../parsing/command.ts'
import { complete, type LookUp } from '../parsing/complete.ts'
import { completionScript, SHELLS } from '../parsing/completionScripts.ts'
import { EXIT } from '../errors.ts'
import { printJson } from '../output/output.ts'

export const completion = defineCommand({
  path: ['completion'],
  summary: 'print a shell completion script',
  details:
    'bash:  source <(framehouse completion bash)          in ~/.bashrc\n' +
    'zsh:   source <(framehouse completion zsh)           in ~/.zshrc, after compinit\n' +
    'fish:  framehouse completion fish | source           in ~/.config/fish/config.fish',
  positionals: [{ name: 'SHELL', help: 'one of', choices: SHELLS }],
  run(context, { words, json }) {
    const shell = SHELLS.find((one) => one === words[0]) ?? 'bash'
    if (json) printJson(context.terminal, { shell, script: completionScript(shell) })
    else context.terminal.out(completionScript(shell))
    return Promise.resolve(EXIT.done)
  },
})

/** @param commands evaluated at run time, since the list contains this command itself */
export function completeCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    path: ['__complete'],
    summary: 'list completion candidates for a shell',
    hidden: true,
    raw: true,
    async run(context, { words }) {
      const found = await complete(words, commands(), lookUp(context))
      if (found.length) context.terminal.out(`${found.join('\n')}\n`)
      return EXIT.done
    },
  })
}

/** The user is waiting with a finger on the Tab key: names that arrive late are useless. */
const PATIENCE_MS = 800

function lookUp(context: Context): LookUp {
  return async (what, words) => {
    try {
      const at = words.indexOf('--manager')
      const manager = (at >= 0 ? words[at + 1] : undefined) ?? context.env['FRAMEHOUSE_MANAGER'] ?? DEFAULT_MANAGER
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)])
      const client = makeClient({ ...context, signal }, { manager, token: context.env['FRAMEHOUSE_TOKEN'] })
      if (what === 'job-type') return (await client.jobTypes()).map((type) => type.name)
      if (what === 'schedule') return (await client.schedules()).map((schedule) => schedule.id)
      if (what === 'worker') return (await client.workers()).map((worker) => worker.name)
      return ['last', ...(await client.jobs({ limit: 50 })).items.map((job) => job.id)]
    } catch {
      // Without a manager there are no names, and the shell shows nothing, as it should.
      return []
    }
  }
}
