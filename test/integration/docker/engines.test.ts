/** Engines that are not the local socket, and those that cannot do what they are asked for: real daemons, in their words. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ContainerConfig, EngineConfig } from '../../../src/main/docker/config.ts'
import { Engines } from '../../../src/main/docker/engines/engines.ts'
import { dockerRun } from '../../../src/main/worker/commands/container/dockerRun.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { commandOf, recordedContext, type RecordedContext } from '../../support/commandContext.ts'
import { containerConfig, docker, importBusybox, type TestImage } from '../../support/containers.ts'
import { PrivateDockerd } from '../../support/dockerd.ts'
import { requirePart } from '../../support/parts.ts'

async function run(engine: EngineConfig, parameters: object, more: Partial<ContainerConfig> = {}): Promise<RecordedContext> {
  const context = await recordedContext({ taskId: randomUUID() })
  const engines = new Engines(containerConfig({ engines: [engine], engineGraceSeconds: 0, ...more }), {
    log: silentLogger,
    owner: randomUUID(),
  })
  await engines.look()
  await dockerRun(engines)(commandOf('docker-run', { network: 'none', ...parameters }), context)
  await engines.idle()
  return context
}

const part = requirePart('docker')

part.describe('an engine over TCP with TLS', () => {
  let daemon: PrivateDockerd
  let image: TestImage
  let server: Server
  let folder: string
  beforeAll(async () => {
    folder = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim()
    certificates(folder)
    const at = (name: string) => join(folder, name)
    const tls = ['--tlsverify', '--tlscacert', at('ca.pem'), '--tlscert', at('server.pem'), '--tlskey', at('server.key')]
    daemon = await PrivateDockerd.start({ args: ['--host', 'tcp://127.0.0.1:2376', ...tls] })
    image = importBusybox(daemon.host)
    server = await throughTo(daemon, 2376)
  }, 120_000)
  afterAll(async () => {
    server.close()
    await daemon.remove()
    execFileSync('rm', ['-r', folder])
  })

  const engine = (client: string, ca = 'ca'): EngineConfig => {
    const at = (name: string) => join(folder, name)
    const host = `tcp://127.0.0.1:${portOf(server)}`
    return { name: 'far', host, tls: { ca: at(`${ca}.pem`), cert: at(`${client}.pem`), key: at(`${client}.key`) } }
  }

  it('runs a container', async () => {
    const context = await run(engine('client'), { image: image.name, command: ['sh', '-c', 'echo over TLS; echo err >&2; exit 0'] })
    expect(context.text).toMatch(/over TLS\n/)
    expect(context.results.at(-1)).toMatchObject({ containers: [{ engine: 'far', exitCode: 0 }] })
  })

  it.each([
    [
      'a certificate of another authority',
      () => engine('stranger'),
      /no Docker engine of this worker answers: tcp:.*(alert|certificate|ECONNRESET|socket hang up)/i,
    ],
    ['a daemon of another authority', () => engine('client', 'other-ca'), /(certificate|self.signed)/i],
    ['no certificate at all', () => ({ name: 'far', host: `tcp://127.0.0.1:${portOf(server)}` }), /HTTP request to an HTTPS server/],
  ])('refuses %s', async (_what, of, message) => {
    await expect(run(of(), { image: image.name, command: ['true'] })).rejects.toThrow(message)
  })
})

const ssh = requirePart('sshd')
describe.skipIf(part.missing || ssh.missing)('an engine over SSH', () => {
  let image: TestImage
  let daemon: ChildProcess
  let port = 0
  let folder: string
  beforeAll(async () => {
    image = importBusybox()
    folder = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim()
    for (const name of ['host', 'user', 'stranger']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
    port = await freePort()
    await mkdir('/run/sshd', { recursive: true })
    const config = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${folder}/host`,
      `AuthorizedKeysFile ${folder}/user.pub`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      'MaxStartups 100:30:200',
    ]
    await writeFile(join(folder, 'sshd_config'), config.join('\n') + '\n')
    const known = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
    await writeFile(join(folder, 'known'), `[127.0.0.1]:${port} ${known}\n`)
    for (const file of ['known', 'unknown']) {
      await writeFile(join(folder, `ssh_${file}`), `UserKnownHostsFile ${folder}/${file}\nGlobalKnownHostsFile none\n`)
    }
    daemon = spawn(ssh.path, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' })
    await vi.waitFor(() => connects(port), { timeout: 20_000, interval: 100 })
  }, 60_000)
  afterAll(async () => {
    const gone = once(daemon, 'exit')
    daemon.kill()
    await gone
    image.remove()
    execFileSync('rm', ['-r', folder])
  })

  const engine = (changes: Partial<EngineConfig> = {}): EngineConfig => ({
    name: 'far',
    host: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    sshKey: join(folder, 'user'),
    sshConfig: join(folder, 'ssh_known'),
    ...changes,
  })

  it('runs a container', async () => {
    const context = await run(engine(), { image: image.name, command: ['sh', '-c', 'echo over SSH; sleep 1; echo end'] })
    expect(context.text).toMatch(/over SSH\nend\n/)
    expect(context.results.at(-1)).toMatchObject({ containers: [{ engine: 'far', exitCode: 0 }] })
  })

  it.each([
    ['a key that the host does not know', () => engine({ sshKey: join(folder, 'stranger') }), /Permission denied \(publickey/],
    ['a host without a known key', () => engine({ sshConfig: join(folder, 'ssh_unknown') }), /Host key verification failed/],
  ])('refuses %s', async (_what, of, message) => {
    await expect(run(of(), { image: image.name, command: ['true'] })).rejects.toThrow(message)
  })
})

part.describe('an engine without room', () => {
  let daemon: PrivateDockerd
  beforeAll(async () => {
    daemon = await PrivateDockerd.start({ diskMiB: 12, args: ['--storage-driver', 'vfs'] })
  }, 120_000)
  afterAll(() => daemon.remove())

  it("fails in the daemon's words, and leaves nothing behind", async () => {
    const image = importBusybox(daemon.host)
    // Each container is a copy of the image with this storage driver: the disk is full before long.
    const engine = { name: 'small', host: daemon.host }
    const held: string[] = []
    const fill = () => held.push(docker(['create', image.name, 'true'], daemon.host))
    expect(() => {
      for (;;) fill()
    }).toThrow(/no space left on device/)
    await expect(run(engine, { image: image.name, command: ['true'] })).rejects.toMatchObject({
      outcome: 'could-not-start',
      message: expect.stringMatching(/cannot create the container: .*no space left on device/),
    })
    for (const id of held) docker(['rm', id], daemon.host)
    expect((await run(engine, { image: image.name, command: ['echo', 'room again'] })).text).toBe('room again\n')
  })
})

part.describe('an engine without a GPU', () => {
  it.each(['all', 1, ['0']])('says so when asked for %j', async (gpus) => {
    const image = importBusybox()
    onTestFinished(() => image.remove())
    await expect(
      run({ name: 'local', host: 'unix:///var/run/docker.sock' }, { image: image.name, command: ['true'], gpus }),
    ).rejects.toMatchObject({
      outcome: 'could-not-start',
      message: expect.stringMatching(/could not select device driver "" with capabilities: \[\[gpu\]\]/),
    })
  })
})

/** An authority with a server and a client, and another one with a client of its own. */
function certificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  for (const name of ['ca', 'other-ca']) {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
  }
  for (const [name, ca] of [
    ['server', 'ca'],
    ['client', 'ca'],
    ['stranger', 'other-ca'],
  ] as const) {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}.key`,
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      `${name}.pem`,
    )
  }
}

/** A port of this machine that leads to one of the daemon's own. */
async function throughTo(daemon: PrivateDockerd, port: number): Promise<Server> {
  const server = createServer((socket) => {
    const [program = '', ...args] = daemon.inside('busybox', 'nc', '127.0.0.1', String(port))
    const way = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] })
    socket.on('error', () => way.kill()).on('close', () => way.kill())
    way.stdin.on('error', () => undefined)
    socket.pipe(way.stdin)
    way.stdout.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  // A server that listens on TCP has an address of this kind.
  return (server.address() as AddressInfo).port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  return port
}

async function connects(port: number): Promise<void> {
  const socket = createConnection(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}
