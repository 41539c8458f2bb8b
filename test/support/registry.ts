/** A registry of images as Docker speaks to it, with one image and a password: enough for a real `docker pull`. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { docker } from './containers.ts'

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'

export interface TestRegistry {
  /** `127.0.0.1:PORT`, which Docker takes without TLS. */
  host: string
  /** Images pulled so far. */
  readonly pulls: number
  stop(): Promise<void>
}

/** Offers the local image `image` under every name and tag, to `username` with `password` only. */
export async function startRegistry(image: string, username: string, password: string): Promise<TestRegistry> {
  const { config, layer } = exported(image)
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length, digest: digestOf(config) },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', size: layer.length, digest: digestOf(layer) }],
    }),
  )
  const blobs = new Map([config, layer, manifest].map((blob) => [digestOf(blob), blob]))
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  let pulls = 0
  const server = createServer((request, reply) => {
    const path = request.url ?? ''
    if (request.headers.authorization !== wanted) {
      reply.setHeader('www-authenticate', 'Basic realm="test"')
      return send(reply, 401, Buffer.from('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'))
    }
    if (path === '/v2/') return send(reply, 200, Buffer.from('{}'))
    const isManifest = path.includes('/manifests/')
    const digest = /sha256:[0-9a-f]{64}$/.exec(path)?.[0] ?? (isManifest ? digestOf(manifest) : '')
    const blob = blobs.get(digest)
    if (blob === undefined) return send(reply, 404, Buffer.from('{"errors":[{"code":"NAME_UNKNOWN"}]}'))
    if (isManifest && request.method === 'GET') pulls += 1
    reply.setHeader('docker-content-digest', digest)
    send(reply, 200, blob, isManifest ? MANIFEST : 'application/octet-stream')
  })
  const port = await listen(server)
  return {
    host: `127.0.0.1:${port}`,
    get pulls() {
      return pulls
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an address of this kind.
  return (server.address() as AddressInfo).port
}

function send(reply: ServerResponse, status: number, body: Buffer, type = 'application/json'): void {
  reply.writeHead(status, { 'content-type': type, 'content-length': body.length, 'docker-distribution-api-version': 'registry/2.0' })
  reply.end(body)
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The one layer of an image that was imported, compressed, and its configuration. */
function exported(image: string): { config: Buffer; layer: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'framehouse-registry-'))
  try {
    docker(['save', '--output', join(folder, 'image.tar'), image])
    execFileSync('tar', ['-C', folder, '-xf', join(folder, 'image.tar')])
    // The format of `docker save`.
    const [entry] = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { Config: string; Layers: string[] }[]
    const layer = readFileSync(join(folder, entry?.Layers[0] ?? ''))
    return { config: readFileSync(join(folder, entry?.Config ?? '')), layer: gzipSync(layer) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
