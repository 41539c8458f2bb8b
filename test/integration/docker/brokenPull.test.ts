/** Pulls that begin well and end badly: with an error as a line of their progress, or in the middle of one. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connectEngine, type Engine } from '../../../src/main/docker/engines/engine.ts'
import { EngineRefusedError, EngineUnreachableError } from '../../../src/main/docker/errors.ts'
import { pullImage } from '../../../src/main/docker/engines/images.ts'

let server: Server
let engine: Engine
/** How the engine goes on after the first line of progress. */
let goesOn: (response: ServerResponse) => void

beforeEach(async () => {
  server = createServer((_request, response) => {
    response.write('{"status":"Pulling from library/busybox","id":"latest"}\n')
    goesOn(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A listening TCP server's address is an object.
  const { port } = server.address() as AddressInfo
  engine = connectEngine({ name: 'broken', host: `tcp://127.0.0.1:${port}` })
})
afterEach(() => server.close())

const pull = () =>
  pullImage(
    engine,
    'busybox',
    () => undefined,
    () => undefined,
    new AbortController().signal,
  )

it('one that the engine breaks off fails with its words', async () => {
  goesOn = (response) => response.end('{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}\n')
  const failed = await pull().catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(EngineRefusedError)
  expect(failed).toMatchObject({ message: 'cannot pull busybox: no space left on device' })
})

it('one whose connection breaks is not a failure', async () => {
  goesOn = (response) => setImmediate(() => response.destroy())
  await expect(pull()).rejects.toThrow(EngineUnreachableError)
})

it('one that goes well does not fail', async () => {
  goesOn = (response) => response.end('{"status":"Status: Downloaded newer image for busybox:latest"}\n')
  await pull()
})
