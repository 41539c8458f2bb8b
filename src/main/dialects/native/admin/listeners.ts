/** /listeners: where the manager listens, changed while it runs. */
import { networkInterfaces } from 'node:os'
import { listenerUrls } from '../../../../shared/lan/addresses.ts'
import { firewallCommands, type OpenPort } from '../../../../shared/lan/firewall.ts'
import { changeListeners, getListeners } from '../../../../shared/operations/farm/listeners.ts'
import type { Listeners } from '../../../../shared/schemas/listeners.ts'
import { isOnNetwork } from '../../../http/listeners/plan.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'

export function listenerRoutes(app: NativeApp, context: ServerContext): void {
  const { listeners, dialects, settings } = context

  function shown(): Listeners {
    const interfaces = networkInterfaces()
    const items = listeners.list().map((listener) => ({
      ...listener,
      onNetwork: isOnNetwork(listener),
      urls: listener.problem ? [] : listenerUrls(listener, interfaces),
    }))
    const open = items.filter(({ onNetwork, problem }) => onNetwork && problem === '')
    const ports = [...new Set(open.map(({ port }) => port))].map((port): OpenPort => ({ port, protocol: 'tcp' }))
    if (open.length > 0 && settings.current().autodiscoverable) {
      ports.push({ port: 5353, protocol: 'udp' })
      if (open.some(({ tls }) => !tls)) ports.push({ port: 1900, protocol: 'udp' })
    }
    return {
      items,
      dialects: dialects.map(({ name }) => name),
      fingerprint: context.farmAuthority()?.fingerprint ?? '',
      firewall: firewallCommands(process.platform, ports),
    }
  }

  app.route({ ...getListeners, handler: () => shown() })
  app.route({
    ...changeListeners,
    handler: async (request) => {
      request.audited = { kind: 'listeners', detail: request.body }
      await listeners.change(request.body.listeners)
      return shown()
    },
  })
}
