/** The gateway for containers: which port it has, over restarts of its worker. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { gatewayCertificate } from '../../../src/main/worker/gateway/certificate.ts'
import { Gateway } from '../../../src/main/worker/gateway/gateway.ts'
import { RecordingLogger } from '../../support/workerParts.ts'

const address = '127.0.0.9'
let folder = ''
let log: RecordingLogger
const open: Gateway[] = []
const blockers: Server[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-gateway-'))
  log = new RecordingLogger()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((gateway) => gateway.close()))
  for (const server of blockers.splice(0)) server.close()
  await rm(folder, { recursive: true, force: true })
})

async function gateway(port: number, portBefore?: number): Promise<Gateway> {
  const certificate = await gatewayCertificate(folder, 'actors.framehouse.local', undefined, Date.now())
  const http = { forward: () => Promise.reject(new Error('nothing is called here')) }
  const bridge = { address, has: () => true }
  const opened = await Gateway.open({ bridge, certificate, domain: 'actors.framehouse.local', port, portBefore, http, log })
  open.push(opened)
  return opened
}

/** Another program has a port. @returns its number */
async function taken(port = 0): Promise<number> {
  const server = createServer().listen(port, address)
  blockers.push(server)
  await once(server, 'listening')
  // A listening TCP server's address is an object.
  return (server.address() as AddressInfo).port
}

/** Whether the gateway answers there. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, rejectUnauthorized: false, servername: 'x.actors.framehouse.local' })
    socket.once('secureConnect', () => resolve(socket.destroy() && true))
    socket.once('error', () => resolve(false))
  })
}

it('where its port cannot be had, it has the same other one after each restart', async () => {
  const wanted = await taken()
  const first = await gateway(wanted)
  const { port } = first
  expect(port).not.toBe(wanted)
  expect(log.lines.join('\n')).toContain('takes another port')
  await first.close()
  const second = await gateway(wanted, port)
  expect(second.port).toBe(port)
  expect(await answers(port)).toBe(true)
})

it('when its port can be had again, containers that know the other one still reach it', async () => {
  const [wanted, before] = [await taken(), await taken()]
  for (const server of blockers.splice(0)) {
    server.close()
    await once(server, 'close')
  }
  const again = await gateway(wanted, before)
  expect(again.port).toBe(wanted)
  expect([await answers(wanted), await answers(before)]).toEqual([true, true])
})

it('says so when it cannot be reached where containers look for it', async () => {
  const [wanted, before] = [await taken(), await taken()]
  const lost = await gateway(wanted, before)
  expect([wanted, before]).not.toContain(lost.port)
  expect(log.lines.join('\n')).toContain('containers that run since before cannot reach the manager')
})
