import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { actorArchive } from '../../../../src/main/worker/commands/actor/archive.ts'

describe('the archive of an actor’s binary message', () => {
  it('ends with the error of a message that breaks off', async () => {
    const body = Readable.from(
      (async function* () {
        yield Buffer.alloc(1_000)
        await Promise.resolve()
        throw new Error('the manager is gone')
      })(),
    )
    const reading = (async () => {
      for await (const _chunk of actorArchive({ size: 5_000, open: () => Promise.resolve(body) })) continue
    })()
    await expect(reading).rejects.toThrow('the manager is gone')
  })

  it('ends with an error when the message is shorter than stated', async () => {
    const body = Readable.from([Buffer.alloc(1_000)])
    const reading = (async () => {
      for await (const _chunk of actorArchive({ size: 5_000, open: () => Promise.resolve(body) })) continue
    })()
    await expect(reading).rejects.toThrow('Size mismatch')
  })
})
