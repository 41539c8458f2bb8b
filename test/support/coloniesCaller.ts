/** A Colonies client in a few lines: signs a message and sends it, so that tests can send what pycolonies never would. */
import { idOfPrivateKey, newPrivateKey, sign } from '../../src/main/dialects/colonies/crypto/signatures.ts'

export interface ColoniesReply {
  status: number
  /** The decoded payload; tests look into it as they know it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any
  error: boolean
}

export class ColoniesCaller {
  readonly id: string
  constructor(
    readonly url: string,
    readonly key = newPrivateKey(),
  ) {
    this.id = idOfPrivateKey(key)
  }

  /** The same key at another address. */
  at(url: string): ColoniesCaller {
    return new ColoniesCaller(url, this.key)
  }

  envelope(message: Record<string, unknown>, type = String(message['msgtype'])): string {
    const payload = Buffer.from(JSON.stringify(message)).toString('base64')
    return JSON.stringify({ payloadtype: type, payload, signature: sign(payload, this.key) })
  }

  send(msgtype: string, body: Record<string, unknown> = {}, signal?: AbortSignal): Promise<ColoniesReply> {
    return this.sendText(this.envelope({ msgtype, ...body }), {}, signal)
  }

  async sendText(body: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<ColoniesReply> {
    const response = await fetch(`${this.url}/api`, { method: 'POST', body, headers, ...(signal && { signal }) })
    const envelope = JSON.parse(await response.text()) as { payload: string; error: boolean }
    return { status: response.status, body: JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8')), error: envelope.error }
  }

  /** As `send`. @throws Error when it is refused */
  async ask(msgtype: string, body: Record<string, unknown> = {}): Promise<ColoniesReply['body']> {
    const reply = await this.send(msgtype, body)
    if (reply.error) throw new Error(`${msgtype}: ${reply.status} ${JSON.stringify(reply.body)}`)
    return reply.body
  }
}

/** A colony with an approved executor of the type `cli`. */
export async function coloniesFixture(
  url: string,
  serverKey: string,
): Promise<{ owner: ColoniesCaller; executor: ColoniesCaller; colony: string }> {
  const [server, owner, executor] = [new ColoniesCaller(url, serverKey), new ColoniesCaller(url), new ColoniesCaller(url)]
  const colony = `c${owner.id.slice(0, 12)}`
  await server.ask('addcolonymsg', { colony: { colonyid: owner.id, name: colony } })
  await owner.ask('addexecutormsg', {
    executor: { executorid: executor.id, executorname: 'one', executortype: 'cli', colonyname: colony },
  })
  await owner.ask('approveexecutormsg', { colonyname: colony, executorname: 'one' })
  return { owner, executor, colony }
}

export function spec(colony: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { funcname: 'work', maxexectime: -1, maxretries: -1, conditions: { colonyname: colony, executortype: 'cli' }, ...more }
}

/** A colony that has one of everything, for tests of what shows it; its ids as paths name them. */
export async function fullColony(
  url: string,
  serverKey: string,
): Promise<{ colony: string; process: string; channel: string; blueprint: string }> {
  const { owner, executor, colony } = await coloniesFixture(url, serverKey)
  const workflowspec = JSON.stringify({ colonyname: colony, functionspecs: [spec(colony, { nodename: 'a' })] })
  const cron = { name: 'nightly', colonyname: colony, cronexpression: '0 0 3 * * *', interval: -1, random: false, workflowspec }
  await owner.ask('addusermsg', { user: { colonyname: colony, userid: owner.id, name: 'anna', email: '', phone: '' } })
  const { processid } = await executor.ask('submitfuncspecmsg', { spec: spec(colony, { channels: ['chat'], args: [1] }) })
  await executor.ask('channelappendmsg', { processid, name: 'chat', sequence: 1, inreplyto: 0, payload: 'aGVsbG8=', payloadtype: '' })
  await executor.ask('submitworkflowspecmsg', { spec: JSON.parse(workflowspec) })
  await executor.ask('addcronmsg', { cron: { ...cron, waitforprevprocessgraph: false } })
  await executor.ask('addgeneratormsg', { generator: { colonyname: colony, name: 'tiles', workflowspec, trigger: 4, timeout: 0 } })
  await owner.ask('addblueprintdefinitionmsg', {
    blueprintdefinition: { kind: 'Pool', metadata: { name: 'pools', colonyname: colony }, spec: { names: { kind: 'Pool' } } },
  })
  await owner.ask('addblueprintmsg', {
    blueprint: { kind: 'Pool', metadata: { name: 'night', colonyname: colony }, spec: { machines: 2 } },
  })
  const file = { colonyname: colony, label: '/scenes', name: 'a.blend', size: 1, checksum: 'ab', checksumalg: 'SHA256', ref: {} }
  await executor.ask('addfilemsg', { file })
  await executor.ask('createsnapshotmsg', { colonyname: colony, label: '/scenes', name: 'monday' })
  await executor.ask('addfunctionmsg', { fun: { executorname: 'one', colonyname: colony, funcname: 'work', description: '', args: [] } })
  return { colony, process: processid, channel: 'chat', blueprint: 'night' }
}
