/** `framehouse join-code create|list|revoke`: how machines join without a person who approves them. */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT, FailedError } from '../../errors.ts'
import { ago } from '../../output/format.ts'
import { integer, text, withDefault } from '../../parsing/options.ts'
import { printJson, printTable } from '../../output/output.ts'

const HOUR_MS = 3_600_000

export const createJoinCode = defineCommand({
  path: ['join-code', 'create'],
  summary: 'create a code, or a file, with which machines join without approval',
  details:
    'The code is shown only once. Enter it on the other machine: framehouse worker --join CODE. The file holds the same and the addresses of\n' +
    'the farm, for images of machines: framehouse worker --join FILE. Both count only over TLS, until they expire or are revoked.',
  examples: ['framehouse join-code create', 'framehouse join-code create rack --uses 40 --expires-in 168 --file rack.join'],
  positionals: [{ name: 'LABEL', help: 'what it is for', optional: true }],
  options: {
    uses: withDefault(1, '1', integer('N', 'how many machines may join with it', { min: 1, max: 10_000 })),
    'expires-in': withDefault(24, '24', integer('HOURS', 'how long it counts', { min: 1, max: 8_784 })),
    file: text('FILE', 'write a join file, readable by you alone, instead of showing the code', { completes: 'file' }),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const [label] = words
    const created = await makeClient(context, options).createJoinCode({
      maxUses: options.uses,
      validMs: options['expires-in'] * HOUR_MS,
      ...(label !== undefined && { label }),
    })
    if (options.file !== undefined) {
      const path = resolve(context.cwd, options.file)
      await writeFile(path, `${JSON.stringify(created.file, null, 2)}\n`, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
        throw new FailedError(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`, 'join-file')
      })
    }
    if (json) printJson(context.terminal, created)
    else if (options.file === undefined) {
      context.terminal.err(`Join code for ${created.maxUses} machine(s) until ${created.expiresAt}; it is not shown again:\n`)
      context.terminal.out(`${created.code}\n`)
    }
    return EXIT.done
  },
})

export const listJoinCodes = defineCommand({
  path: ['join-code', 'list'],
  summary: 'list join codes',
  options: CLIENT_OPTIONS,
  async run(context, { options, json }) {
    const codes = await makeClient(context, options).joinCodes()
    if (json) {
      printJson(context.terminal, codes)
      return EXIT.done
    }
    const now = context.now()
    printTable(
      context.terminal,
      [
        { title: 'ID', value: (code) => code.id },
        { title: 'LABEL', value: (code) => code.label, shrinks: true },
        { title: 'STATE', value: (code) => code.state, state: true },
        { title: 'USES', value: (code) => `${code.uses}/${code.maxUses}`, align: 'right' },
        { title: 'EXPIRES', value: (code) => ago(code.expiresAt, now) },
        { title: 'MADE BY', value: (code) => code.createdBy },
      ],
      codes,
    )
    return EXIT.done
  },
})

export const revokeJoinCode = defineCommand({
  path: ['join-code', 'revoke'],
  summary: 'revoke a join code; machines that joined with it stay',
  positionals: [{ name: 'ID', help: 'id of the code' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const [id = ''] = words
    await makeClient(context, options).revokeJoinCode(id)
    if (json) printJson(context.terminal, { id, revoked: true })
    return EXIT.done
  },
})
