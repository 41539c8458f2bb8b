/** The farms that announce themselves on the network, as the window lists them: live, as networks and farms come and go. */
import type { Logger } from '../../../shared/logger.ts'
import type { NearbyFarm } from '../../../shared/ipc.ts'
import { FarmBrowser, type FoundFarm } from '../../discovery/browser.ts'
import { connectTime } from '../../discovery/latency.ts'

const LOOK_EVERY_MS = 2_000

/** Of a farm that this window knows: its id, and the authority that it proved. */
export interface KnownFarm {
  farmId: string
  authority: string
}

export interface NearbyOptions {
  log: Logger
  /** The farm of this program; undefined: it has none now. */
  own(): KnownFarm | undefined
  /** The farm elsewhere that the window shows. */
  current(): KnownFarm | undefined
  onChange(farms: NearbyFarm[]): void
}

export class NearbyFarms {
  private browser: FarmBrowser | undefined
  private timer: NodeJS.Timeout | undefined
  private shown = ''
  private list: NearbyFarm[] = []
  private looking: Promise<void> | undefined

  constructor(private readonly options: NearbyOptions) {}

  /** Looks from now on. @returns what is known already */
  watch(): NearbyFarm[] {
    if (!this.browser) {
      this.browser = new FarmBrowser(this.options.log)
      this.browser.onChange(() => void this.look())
      this.browser.start()
      this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    }
    return this.list
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
    const { browser } = this
    this.browser = undefined
    this.list = []
    this.shown = ''
    await browser?.stop()
  }

  private look(): Promise<void> {
    this.looking ??= this.update().finally(() => (this.looking = undefined))
    return this.looking
  }

  private async update(): Promise<void> {
    const farms = await Promise.all((this.browser?.farms() ?? []).map((farm) => this.shownAs(farm)))
    if (!this.browser) return
    this.list = farms
    // A latency changes each time; that alone is no news.
    const state = JSON.stringify(farms.map((farm) => ({ ...farm, latencyMs: farm.latencyMs === null })))
    if (state === this.shown) return
    this.shown = state
    this.options.onChange(farms)
  }

  private async shownAs({ farmId, name, version, owner, machine, authority, urls }: FoundFarm): Promise<NearbyFarm> {
    const standing = standingOf({ farmId, authority }, this.options.own(), this.options.current())
    const latencyMs = await connectTime(urls[0] ?? '')
    return { farmId, name, version, owner, machine, authority, urls, latencyMs, standing }
  }
}

/** Pure. */
export function standingOf(farm: KnownFarm, own: KnownFarm | undefined, current: KnownFarm | undefined): NearbyFarm['standing'] {
  for (const [known, standing] of [
    [own, 'own'],
    [current, 'current'],
  ] as const) {
    if (!known || known.farmId !== farm.farmId) continue
    return known.authority === '' || known.authority === farm.authority ? standing : 'impostor'
  }
  return 'other'
}
