/** `framehouse doctor`: lists what this machine has, and what would prevent a manager or worker from running here. */
import { defineCommand } from '../../parsing/command.ts'
import { runChecks, type Check } from '../../services/checks.ts'
import { DEFAULT_HOST, DEFAULT_PORT } from '../../services/address.ts'
import { EXIT } from '../../errors.ts'
import { keyValues, textOr } from '../../parsing/options.ts'
import { printJson, printTable } from '../../output/output.ts'
import { DATA_OPTIONS, listenAddress, managerData } from '../../parsing/serviceOptions.ts'

export const doctor = defineCommand({
  path: ['doctor'],
  summary: 'check this machine: programs, port, data folder',
  details:
    'Missing programs are not an error: a worker takes only tasks that it can run. The exit code is 1 when something\n' +
    'prevents a manager or worker from running here.',
  options: {
    ...DATA_OPTIONS,
    listen: textOr(`${DEFAULT_HOST}:${DEFAULT_PORT}`, 'HOST:PORT', 'the address to check', { env: 'FRAMEHOUSE_LISTEN' }),
    program: keyValues('NAME=PATH', 'path of a program, as for the worker'),
  },
  async run(context, { options, json }) {
    const checks = await runChecks({
      dataDir: managerData(context, options.data),
      address: listenAddress(options.listen),
      programs: Object.fromEntries(options.program),
      signal: context.signal,
    })
    const broken = checks.some((check) => check.state === 'problem')
    if (json) printJson(context.terminal, { ok: !broken, checks })
    else {
      printTable<Check>(
        context.terminal,
        [
          { title: 'WHAT', value: (check) => check.name },
          { title: 'STATE', value: (check) => check.state, state: true },
          { title: 'DETAIL', value: (check) => check.detail, shrinks: true },
        ],
        checks,
      )
      for (const { name, advice } of checks) if (advice) context.terminal.out(`\n${name}: ${advice}`)
      if (checks.some((check) => check.advice)) context.terminal.out('\n')
    }
    return broken ? EXIT.failed : EXIT.done
  },
})
