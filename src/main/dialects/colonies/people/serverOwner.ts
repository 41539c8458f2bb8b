/** Whether Colonies clients are answered, and who owns the server: settings, unless development keys are allowed. */
import type { ServerContext } from '../../../http/context.ts'
import { DEVELOPMENT_SERVER_ID } from '../crypto/developmentKeys.ts'
import { ColoniesSettings } from '../settings.ts'

export class ServerOwner {
  constructor(private readonly context: Pick<ServerContext, 'settings' | 'coloniesDevKeys'>) {}

  get isOn(): boolean {
    return this.context.coloniesDevKeys || this.context.settings.of(ColoniesSettings).coloniesEnabled
  }

  /** 64 hex digits; empty: there is none. */
  get id(): string {
    const { coloniesServerId } = this.context.settings.of(ColoniesSettings)
    return coloniesServerId === '' && this.context.coloniesDevKeys ? DEVELOPMENT_SERVER_ID : coloniesServerId
  }

  async change(id: string): Promise<void> {
    await this.context.settings.update({ coloniesServerId: id })
  }
}
