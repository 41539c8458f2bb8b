/** `framehouse tokens create|list|revoke`: tokens for scripts, and keys for clients that can only be configured with an address. */
import { ROLES, SCOPES } from '../../../../shared/enums.ts'
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { ago } from '../../output/format.ts'
import { resolveTokenId } from '../../client/ids.ts'
import { choice, choiceList, flag, integer, withDefault } from '../../parsing/options.ts'
import { printJson, printTable } from '../../output/output.ts'

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
        { title: 'OWNER', value: (token) => token.user ?? 'the farm' },
        { title: 'MADE BY', value: (token) => token.createdBy },
        { title: 'MADE', value: (token) => (token.children === 0 ? '-' : `${token.children}`) },
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
  summary: 'create a token or key; it is shown only once',
  details:
    'A token is sent with every request (--token, FRAMEHOUSE_TOKEN, "Authorization: Bearer …"). A key is part of the address\n' +
    "for clients without token support, such as Flamenco's: http://HOST:8080/k/KEY/.",
  positionals: [{ name: 'NAME', help: 'name of the token' }],
  options: {
    scope: choiceList(SCOPES, 'what it allows (default: read)'),
    role: withDefault('artist', 'artist', choice(ROLES, 'the role that it acts with')),
    kind: withDefault('token', 'token', choice(['token', 'key'], 'a token for a header, or a key for a path')),
    'expires-in': integer('DAYS', 'expires after this many days (default: never)', { min: 1, max: 36_500 }),
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
    context.terminal.err(`${created.kind === 'key' ? 'Key' : 'Token'} "${created.name}"; save it now, it is not shown again:\n`)
    context.terminal.out(`${created.secret}\n`)
    return EXIT.done
  },
})

export const revokeToken = defineCommand({
  path: ['tokens', 'revoke'],
  summary: 'revoke a token or key, and all tokens created with it',
  details: 'Jobs submitted with them continue unless you pass --cancel-jobs.',
  positionals: [{ name: 'ID', help: 'id of the token, or its name if unique' }],
  options: { 'cancel-jobs': flag('cancel its unfinished jobs'), ...CLIENT_OPTIONS },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const id = await resolveTokenId(client, words[0] ?? '')
    const { tokens, jobs } = await client.tokenEnding(id)
    const cancels = options['cancel-jobs']
    await client.revokeToken(id, cancels ? 'cancel' : 'keep')
    const others = tokens.filter((token) => token.id !== id)
    if (json) {
      printJson(context.terminal, { id, revoked: true, alsoRevoked: others.map((token) => token.id), jobs, canceled: cancels })
      return EXIT.done
    }
    if (others.length > 0) context.terminal.err(`Also revoked: ${others.map((token) => `"${token.name}"`).join(', ')}\n`)
    if (jobs.length > 0) {
      context.terminal.err(
        cancels ? `Cancelled ${jobs.length} of its jobs\n` : `These jobs continue; cancel them with "framehouse cancel ID":\n`,
      )
      if (!cancels) for (const job of jobs) context.terminal.err(`  ${job.id}  ${job.name}  ${job.status}\n`)
    }
    return EXIT.done
  },
})
