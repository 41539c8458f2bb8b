/** `framehouse explain TASK`: the rule that keeps a task waiting. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { taskId } from '../../client/ids.ts'
import { plural } from '../../../../shared/text/plural.ts'
import { printJson } from '../../output/output.ts'

export const explain = defineCommand({
  path: ['explain'],
  summary: 'explain why a task waits, and what would help',
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
    // Who could run it is irrelevant once a task runs or has ended.
    if (explanation.status === 'queued' || explanation.status === 'soft-failed') {
      context.terminal.out(`${explanation.workersEligible} of ${plural(explanation.workersTotal, 'worker')} could run it.\n`)
    }
    return EXIT.done
  },
})
