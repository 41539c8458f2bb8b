/** `framehouse completion SHELL`, and the hidden command that its scripts call. */
import { DEFAULT_MANAGER, makeClient } from '../clientOptions.ts'
import { defineCommand, type Command, type Context } from '../command.ts'
import { complete, type LookUp } from '../complete.ts'
import { completionScript, SHELLS } from '../completionScripts.ts'
import { EXIT } from '../errors.ts'
import { printJson } from '../output.ts'

export const completion = defineCommand({
  path: ['completion'],
  summary: 'print the completion script of a shell',
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

/** @param commands asked for when it runs, since the list holds this command itself */
export function completeCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    path: ['__complete'],
    summary: 'candidates for a shell',
    hidden: true,
    raw: true,
    async run(context, { words }) {
      const found = await complete(words, commands(), lookUp(context))
      if (found.length) context.terminal.out(`${found.join('\n')}\n`)
      return EXIT.done
    },
  })
}

/** A person waits with a finger on the Tab key: names that do not come at once do not come. */
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
      // No manager, no names; the shell shows nothing, as it should.
      return []
    }
  }
}
