/** A manager with a colony, one user of it, and an S3 endpoint at a free port. */
import { idOfPrivateKey, newPrivateKey } from '../../src/main/dialects/colonies/crypto/signatures.ts'
import { ColoniesCaller } from './coloniesCaller.ts'
import { LiveManager } from './liveManager.ts'
import { portToComeBackTo } from './ports.ts'
import { S3Caller } from './s3Caller.ts'

export interface S3Farm {
  farm: LiveManager
  port: number
  server: ColoniesCaller
  /** Makes a colony with a user `artist`, and a key of it. */
  colony(name: string): Promise<{ s3: S3Caller; owner: ColoniesCaller; user: ColoniesCaller }>
}

export async function openS3Farm(settings: Record<string, unknown> = {}): Promise<S3Farm> {
  const farm = await LiveManager.start()
  const port = await portToComeBackTo()
  const serverKey = newPrivateKey()
  const { status, text } = await farm.call('PATCH', '/settings', {
    body: { coloniesEnabled: true, coloniesPort: 0, coloniesS3Port: port, coloniesServerId: idOfPrivateKey(serverKey), ...settings },
  })
  if (status !== 200) throw new Error(text)
  await listening(port)
  const server = new ColoniesCaller(farm.url, serverKey)
  return {
    farm,
    port,
    server,
    async colony(name) {
      const [owner, user] = [new ColoniesCaller(farm.url), new ColoniesCaller(farm.url)]
      await server.ask('addcolonymsg', { colony: { colonyid: owner.id, name } })
      await owner.ask('addusermsg', { user: { colonyname: name, userid: user.id, name: 'artist', email: '', phone: '' } })
      const made = await farm.call('POST', `/colonies/${name}/s3-keys`, { body: { member: 'artist' } })
      if (made.status !== 201) throw new Error(made.text)
      return { s3: new S3Caller(port, made.body), owner, user }
    },
  }
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const reply = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
    if (reply) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('the S3 endpoint does not open')
}
