/** The server itself: protocol 3.1. */
import { ColoniesSettings } from '../../settings.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { text } from '../../wire/lenient.ts'
import { isId } from '../../wire/values.ts'
import type { Service } from '../../service.ts'
import { DONE, message } from '../message.ts'
import { statistics } from './colonies.ts'

export const SERVER_MESSAGES = [
  message('versionmsg', {}, ({ context }) => ({ buildversion: context.version, buildtime: '', msgtype: 'versionmsg' }), { signed: false }),
  message(
    'getserverinfomsg',
    {},
    ({ context }) => ({ buildversion: context.version, buildtime: '', backends: [{ type: 'http', ...place(context) }] }),
    { signed: false },
  ),
  message('getstatisticsmsg', {}, async (service, _body, { signer }) => {
    service.roles.needServerOwner(signer)
    return statistics(service, service.registry.colonies(), new Map(), undefined)
  }),
  message('getclustermsg', {}, ({ context, roles }, _body, { signer }) => {
    roles.needServerOwner(signer)
    const { port, host } = place(context)
    const node = { name: 'framehouse', host, port, peerport: 0, relayport: 0, apiport: port }
    return { nodes: [node], leader: node }
  }),
  message(
    'changeserveridmsg',
    { serverid: text },
    async ({ roles, owner }, { serverid }, { signer }) => {
      roles.needServerOwner(signer)
      if (!isId(serverid)) throw new ColoniesError(400, 'serverid must be 64 hexadecimal digits in lower case')
      await owner.change(serverid)
      return DONE
    },
    { audit: ({ serverid }) => ({ action: 'changeColoniesServer', kind: 'settings', id: '', detail: { owner: serverid } }) },
  ),
]

function place({ settings }: Service['context']): { port: number; host: string } {
  const { coloniesPort, coloniesAddress } = settings.of(ColoniesSettings)
  return { port: coloniesPort, host: coloniesAddress }
}
