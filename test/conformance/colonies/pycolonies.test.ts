/** The real pycolonies from PyPI does everything in its API reference against a running manager (suite.py). */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { LiveManager } from '../../support/liveManager.ts'
import { requirePart } from '../../support/parts.ts'

const PATIENCE_MS = 180_000
const CLASSES = [
  'ColonyTests',
  'ExecutorTests',
  'UserTests',
  'ProcessTests',
  'WorkflowTests',
  'NoteTests',
  'CronTests',
  'FileTests',
  'ChannelTests',
  'BlueprintTests',
]

const pycolonies = requirePart('pycolonies')
pycolonies.describe('pycolonies', () => {
  const serverKey = newPrivateKey()
  let farm: LiveManager

  beforeAll(async () => {
    farm = await LiveManager.start({ tls: { host: '127.0.0.1', port: 0 } })
    const { status, text } = await farm.call('PATCH', '/settings', {
      body: { coloniesEnabled: true, coloniesPort: 0, coloniesServerId: idOfPrivateKey(serverKey) },
    })
    expect(status, text).toBe(200)
  })
  afterAll(() => farm.stop())

  const run = async (name: string, port: number, env: Record<string, string> = {}, ...more: string[]): Promise<string> => {
    const args = [join(import.meta.dirname, 'suite.py'), String(port), serverKey, ...more, name]
    const options = { env: { ...process.env, ...env }, timeout: PATIENCE_MS }
    const { stderr } = await promisify(execFile)(pycolonies.path, args, options).catch((error: { stderr?: string; message: string }) => {
      throw new Error(error.stderr ?? error.message)
    })
    return stderr
  }

  it.each(CLASSES)(
    '%s',
    async (name) => {
      expect(await run(name, farm.manager.port)).toMatch(/\nOK\s*$/)
      expect(farm.errors).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'over TLS, with the certificate that the farm shows',
    async () => {
      const port = farm.manager.tls?.port ?? 0
      const file = join(farm.folder, 'shown.pem')
      await writeFile(file, await shownCertificates(port))
      const env = { REQUESTS_CA_BUNDLE: file, WEBSOCKET_CLIENT_CA_BUNDLE: file }
      expect(await run('ProcessTests.test_wait_returns_what_has_ended', port, env, 'tls')).toMatch(/\nOK\s*$/)
      await expect(run('ColonyTests.test_statistics_count_states', port, {}, 'tls')).rejects.toThrow(/CERTIFICATE_VERIFY_FAILED/)
    },
    PATIENCE_MS,
  )
})

/** The chain that the server sends, as PEM. */
function shownCertificates(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      const texts = new Set<string>()
      let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
      while (certificate) {
        const text = `-----BEGIN CERTIFICATE-----\n${certificate.raw.toString('base64')}\n-----END CERTIFICATE-----\n`
        if (texts.has(text)) break
        texts.add(text)
        certificate = certificate.issuerCertificate
      }
      socket.destroy()
      resolve([...texts].join(''))
    })
    socket.once('error', reject)
  })
}
