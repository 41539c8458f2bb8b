/** `framehouse tokens create|list|revoke`: tokens for scripts, keys for clients that can only keep a path. */
import { ROLES, SCOPES } from '../../../shared/enums.ts'
import { CLIENT_OPTIONS, makeClient } from '../clientOptions.ts'
import { defineCommand } from '../command.ts'
import { EXIT } from '../errors.ts'
import { ago } from '../format.ts'
import { resolveTokenId } from '../ids.ts'
import { choice, choiceList, integer, withDefault } from '../options.ts'
import { printJson, printTable } from '../output.ts'

const DAY_MS = 86_400_000

export const listTokens = defineCommand({
  path: ['tokens', 'list'],
  summary: 'list tokens and keys',
  options: CLIENT_OPTIONS,
  async run(context, { options, json }) {
    const tokens = await makeClient(context, options).tokens()
    if (json) {
      printJson(context.terminal, tokens)
      return EXIT.done
    }
    const now = context.now()
    printTable(
      context.terminal,
      [
        { title: 'ID', value: (token) => token.id },
        { title: 'NAME', value: (token) => token.name, shrinks: true },
        { title: 'KIND', value: (token) => token.kind },
        { title: 'BEGINS', value: (token) => token.prefix },
        { title: 'ROLE', value: (token) => token.role },
        { title: 'SCOPES', value: (token) => token.scopes.join(',') },
        { title: 'EXPIRES', value: (token) => (token.expiresAt ? ago(token.expiresAt, now) : 'never') },
        { title: 'USED', value: (token) => (token.lastUsedAt ? ago(token.lastUsedAt, now) : 'never') },
      ],
      tokens,
    )
    return EXIT.done
  },
})

export const createToken = defineCommand({
  path: ['tokens', 'create'],
  summary: 'make a token or key; it is shown this once',
  details:
    'A token goes with every request (--token, FRAMEHOUSE_TOKEN, "Authorization: Bearer …"). A key stands in the address\n' +
    "of clients that know no tokens, such as Flamenco's: http://HOST:8080/k/KEY/.",
  positionals: [{ name: 'NAME', help: 'what it is for' }],
  options: {
    scope: choiceList(SCOPES, 'what it allows (read, when left out)'),
    role: withDefault('artist', 'artist', choice(ROLES, 'as whom it acts')),
    kind: withDefault('token', 'token', choice(['token', 'key'], 'a token for a header, or a key for a path')),
    'expires-in': integer('DAYS', 'ends after this many days; never without it', { min: 1, max: 36_500 }),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const expires = options['expires-in']
    const created = await makeClient(context, options).createToken({
      name: words[0] ?? '',
      kind: options.kind,
      role: options.role,
      scopes: options.scope.length ? options.scope : ['read'],
      ...(expires === undefined ? {} : { expiresAt: new Date(context.now() + expires * DAY_MS).toISOString() }),
    })
    if (json) {
      printJson(context.terminal, created)
      return EXIT.done
    }
    context.terminal.err(`${created.kind === 'key' ? 'Key' : 'Token'} "${created.name}"; it is not shown again:\n`)
    context.terminal.out(`${created.secret}\n`)
    return EXIT.done
  },
})

export const revokeToken = defineCommand({
  path: ['tokens', 'revoke'],
  summary: 'end a token or key at once',
  positionals: [{ name: 'ID', help: 'its id, or its name when only one has it' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const id = await resolveTokenId(client, words[0] ?? '')
    await client.revokeToken(id)
    if (json) printJson(context.terminal, { id, revoked: true })
    return EXIT.done
  },
})
