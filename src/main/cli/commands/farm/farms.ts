/** `framehouse farms`: the farms that announce themselves on the local network. */
import { silentLogger } from '../../../../shared/logger.ts'
import { FarmBrowser, type FoundFarm } from '../../../discovery/browser.ts'
import { connectTime } from '../../../discovery/latency.ts'
import { searchManagers } from '../../../discovery/ssdp.ts'
import { defineCommand, type Context } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { flag, integer, withDefault } from '../../parsing/options.ts'
import { printJson, printJsonLine, printTable } from '../../output/output.ts'
import { pause } from '../../../../shared/async.ts'

interface ShownFarm extends FoundFarm {
  /** `framehouse`, or a Flamenco Manager, which tells nothing but its address. */
  kind: 'framehouse' | 'flamenco'
  /** Milliseconds until its first address accepts a connection; null: it does not. */
  latencyMs: number | null
}

export const farms = defineCommand({
  path: ['farms'],
  summary: 'list the farms that announce themselves on the local network',
  details:
    'Anyone on the network can announce anything: the list proves nothing. Compare the fingerprint with the one that the farm shows, or\n' +
    'join with a code. Lists Flamenco Managers, too. With --watch --json each change is one line.',
  examples: ['framehouse farms', 'framehouse farms --watch'],
  options: {
    wait: withDefault(3, '3', integer('SECONDS', 'how long to look', { min: 1, max: 600 })),
    watch: flag('go on looking, and print the list whenever it changes'),
  },
  async run(context, { options, json }) {
    const browser = new FarmBrowser(silentLogger)
    const managers = new Set<string>()
    const ending = new AbortController()
    context.signal.addEventListener('abort', () => ending.abort(), { once: true })
    let shown = ''
    browser.start()
    searchManagers((url) => managers.add(url), ending.signal)
    try {
      do {
        await pause(options.watch && shown !== '' ? 1_000 : options.wait * 1_000, context.signal)
        const list = await withLatency([...browser.farms().map(ofOurs), ...[...managers].map(ofFlamenco)].filter(isNoDouble))
        const state = JSON.stringify(list.map((farm) => ({ ...farm, latencyMs: farm.latencyMs === null })))
        if (state !== shown) print(context, list, json, options.watch)
        shown = state
      } while (options.watch && !context.signal.aborted)
      return EXIT.done
    } finally {
      ending.abort()
      await browser.stop()
    }
  },
})

function print({ terminal }: Context, list: readonly ShownFarm[], json: boolean, isWatching: boolean): void {
  if (json) return isWatching ? printJsonLine(terminal, { items: list }) : printJson(terminal, { items: list })
  printTable<ShownFarm>(
    terminal,
    [
      { title: 'NAME', value: ({ name }) => name, shrinks: true },
      { title: 'ADDRESS', value: ({ urls }) => urls[0] ?? '' },
      { title: 'MACHINE', value: ({ machine }) => machine },
      { title: 'OWNER', value: ({ owner }) => owner },
      { title: 'VERSION', value: ({ version }) => version },
      {
        title: 'LATENCY',
        value: ({ latencyMs }) => (latencyMs === null ? 'no answer' : `${Math.max(1, Math.round(latencyMs))} ms`),
        align: 'right',
      },
      { title: 'FINGERPRINT', value: ({ authority }) => authority.slice(0, 23), shrinks: true },
    ],
    list,
  )
  if (list.length === 0) terminal.err('No farm announces itself here. Is listening on the network switched on at the manager?\n')
}

function ofOurs(farm: FoundFarm): ShownFarm {
  return { ...farm, kind: 'framehouse', latencyMs: null }
}

function ofFlamenco(url: string): ShownFarm {
  return {
    kind: 'flamenco',
    farmId: '',
    name: 'Flamenco',
    version: '',
    owner: '',
    machine: '',
    authority: '',
    urls: [url],
    network: 'lan',
    latencyMs: null,
  }
}

/** A farm of ours with plain HTTP answers Flamenco's search, too. */
function isNoDouble(farm: ShownFarm, _index: number, all: readonly ShownFarm[]): boolean {
  return farm.kind !== 'flamenco' || !all.some(({ kind, urls }) => kind === 'framehouse' && urls.includes(farm.urls[0] ?? ''))
}

function withLatency(list: readonly ShownFarm[]): Promise<ShownFarm[]> {
  return Promise.all(list.map(async (farm) => ({ ...farm, latencyMs: await connectTime(farm.urls[0] ?? '') })))
}
