/** `framehouse listeners`: where the manager listens, changed while it runs. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand, type Context } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { flag, list } from '../../parsing/options.ts'
import { printJson, printTable } from '../../output/output.ts'
import { DEFAULT_PORT, DEFAULT_TLS_PORT, parseAddress } from '../../services/address.ts'
import type { Listener, Listeners } from '../../../../shared/schemas/listeners.ts'

export const listeners = defineCommand({
  path: ['listeners'],
  summary: 'list where the manager listens',
  options: CLIENT_OPTIONS,
  async run(context, { options, json }) {
    print(context, await makeClient(context, options).listeners(), json)
    return EXIT.done
  },
})

export const addListener = defineCommand({
  path: ['listeners', 'add'],
  summary: 'listen at another address, without a restart',
  details: 'Encrypted unless you pass --plain-http, which everyone on the network can read. ADDRESS * is every address of the machine.',
  examples: ["framehouse listeners add '*:8443'", "framehouse listeners add '*:8080' --plain-http --api flamenco"],
  positionals: [{ name: 'ADDRESS:PORT', help: 'where to listen' }],
  options: {
    'plain-http': flag('no encryption: for Flamenco Workers and add-ons, which speak nothing else'),
    api: list('NAME', 'serve only this API: native, flamenco, …'),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const tls = !options['plain-http']
    const { host, port } = parseAddress(words[0] ?? '', 'ADDRESS:PORT', tls ? DEFAULT_TLS_PORT : DEFAULT_PORT)
    const added: Listener = { address: host, port, tls, dialects: options.api }
    print(context, await client.changeListeners([...fromSettings(await client.listeners()), added]), json)
    return EXIT.done
  },
})

export const removeListener = defineCommand({
  path: ['listeners', 'remove'],
  summary: 'close a listener that was added, and what is connected through it',
  positionals: [{ name: 'ADDRESS:PORT', help: 'as the list shows it' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const { host, port } = parseAddress(words[0] ?? '', 'ADDRESS:PORT')
    const stay = fromSettings(await client.listeners()).filter((one) => one.address !== host || one.port !== port)
    print(context, await client.changeListeners(stay), json)
    return EXIT.done
  },
})

function fromSettings({ items }: Listeners): Listener[] {
  return items.filter(({ source }) => source === 'settings').map(({ address, port, tls, dialects }) => ({ address, port, tls, dialects }))
}

function print({ terminal }: Context, shown: Listeners, json: boolean): void {
  if (json) return printJson(terminal, shown)
  printTable(
    terminal,
    [
      { title: 'LISTENS AT', value: ({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port}` },
      { title: 'TRANSPORT', value: ({ tls }) => (tls ? 'TLS' : 'plain HTTP') },
      { title: 'APIS', value: ({ dialects }) => dialects.join(',') || 'all' },
      { title: 'FROM', value: ({ source }) => source },
      { title: 'REACHED AT', value: ({ urls, problem }) => problem || (urls[0] ?? ''), shrinks: true },
    ],
    shown.items,
  )
  terminal.err(`Fingerprint of the farm: ${shown.fingerprint}\n`)
  for (const { tool, command } of shown.firewall) terminal.err(`Firewall (${tool}): ${command}\n`)
}
