/** `framehouse explain TASK`: which rule keeps a task waiting. */
import { CLIENT_OPTIONS, makeClient } from '../clientOptions.ts'
import { defineCommand } from '../command.ts'
import { EXIT } from '../errors.ts'
import { taskId } from '../ids.ts'
import { printJson } from '../output.ts'

export const explain = defineCommand({
  path: ['explain'],
  summary: 'say why a task waits, and what would help',
  positionals: [{ name: 'TASK', help: 'id of the task' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const explanation = await makeClient(context, options).explain(taskId(words[0] ?? ''))
    if (json) {
      printJson(context.terminal, explanation)
      return EXIT.done
    }
    context.terminal.out(`${explanation.summary}\n`)
    for (const reason of explanation.reasons) {
      const who = reason.workers.length ? ` (${reason.workers.map((worker) => worker.name).join(', ')})` : ''
      context.terminal.out(`  ${reason.message}${who}\n${reason.advice ? `    → ${reason.advice}\n` : ''}`)
    }
    context.terminal.out(`${explanation.workersEligible} of ${explanation.workersTotal} workers could run it.\n`)
    return EXIT.done
  },
})
