/** `actor-run` with real containers: environment, results, binary messages, limits, halt, and the way back to the manager. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LOG_LIMIT_NOTICE } from '../../../src/shared/schemas/actorRun.ts'
import { ActorFarm, type Message } from '../../support/actorFarm.ts'
import { containerConfig, containersOf, type TestImage } from '../../support/containers.ts'
import { requirePart } from '../../support/parts.ts'
import { importPython, pythonFacts } from '../../support/pythonImage.ts'

const docker = requirePart('docker')
const python = requirePart('python')
const suite = docker.missing ? docker.describe : python.describe

suite('actor-run', () => {
  let farm: ActorFarm
  let image: TestImage
  const folder = mkdtempSync(join(tmpdir(), 'framehouse-scripts-'))
  const shared = mkdtempSync(join(tmpdir(), 'framehouse-mounted-'))

  beforeAll(async () => {
    chmodSync(shared, 0o755)
    writeFileSync(join(folder, 'run.py'), 'import os\nexec(os.environ["CODE"])\n')
    image = importPython(`framehouse-actor-test-${process.pid}:latest`, pythonFacts(python.path), folder, folder, [
      '/bin/python3',
      '/scripts/run.py',
    ])
    farm = await ActorFarm.start()
    await farm.worker(containerConfig({ mounts: [{ path: shared, readOnly: false }] }))
  }, 60_000)

  afterAll(async () => {
    await farm?.stop()
    expect(containersOf(image.name)).toEqual([])
    image?.remove()
    for (const each of [folder, shared]) rmSync(each, { recursive: true, force: true })
  }, 60_000)

  /** A message whose text is a program. */
  const program = (code: string, more: Partial<Message> = {}): Message => ({
    ...more,
    image: image.name,
    env: [['CODE', code], ...(more.env ?? [])],
  })

  it('sets the environment that was decided at the hand-out, and keeps the exit code of a completed task', async () => {
    const end = await farm.run(
      program(`import os, sys\nprint(os.environ['MSG'], os.environ.get('PYTHONUNBUFFERED'))\nsys.stderr.write('end')\nsys.exit(7)`, {
        env: [
          ['MSG', 'first'],
          ['MSG', "it's a \u{1f40d}"],
          ['PYTHONUNBUFFERED', null],
        ],
      }),
    )
    expect(end).toMatchObject({ status: 'completed', exitCode: 7 })
    expect(end.log).toContain("it's a \u{1f40d} None\n")
    expect(end.result?.containers[0]).toMatchObject({
      exitCode: 7,
      oomKilled: false,
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
    })
  }, 60_000)

  it('takes results in order, cuts long ones at 131,072 bytes, and takes what is sent right before the end', async () => {
    const code = `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect('/_abaco_results.sock')
for n in (0, 1, 131072, 140000): s.send(b'x' * n)
for i in range(300): s.send(str(i).encode())`
    const { results, status, log } = await farm.run(program(code))
    expect({ status, log: log.includes('Traceback') }).toEqual({ status: 'completed', log: false })
    expect(results.slice(0, 4).map(({ length }) => length)).toEqual([0, 1, 131_072, 131_072])
    expect(results.slice(4).map(String)).toEqual(Array.from({ length: 300 }, (_, i) => String(i)))
  }, 60_000)

  it('puts a binary message of the file store into the container before it starts', async () => {
    const bytes = Buffer.alloc(9_000_001, 'a message ')
    const blob = await farm.manager.context.shaman.store.add(Readable.from([bytes]), 1e9)
    const code = `import os
fd = os.open('/_abaco_binary_data', os.O_RDONLY | os.O_NONBLOCK)
data = b''
while True:
    part = os.read(fd, 65536)
    if not part: break
    data += part
print(len(data), data[:9], os.environ.get('MSG'))`
    expect((await farm.run(program(code, { blob }))).log).toContain(`9000001 b'a message' None`)
  }, 60_000)

  it('runs as the given user with its mounts, and refuses mounts that the worker does not allow', async () => {
    const mounts = [{ source: shared, target: '/work', readOnly: true }]
    const code = `import os\nprint(os.getuid(), os.getgid(), os.listdir('/work'))\ntry:\n  open('/work/x', 'w')\nexcept OSError as e: print(e.errno)`
    writeFileSync(join(shared, 'there'), '')
    expect((await farm.run(program(code, { user: '1234:77', mounts }))).log).toMatch(/1234 77 \['there'\]\n(?:30|13)\n/)
    const refused = await farm.run(program(code, { mounts: [{ source: '/etc', target: '/work' }] }))
    expect(refused).toMatchObject({
      status: 'failed',
      outcome: 'could-not-start',
      reason: expect.stringContaining('does not allow mounting "/etc"'),
    })
  }, 60_000)

  it('limits memory, and reports a container that ran out of it as an end like any other', async () => {
    const end = await farm.run(program('x = b"y" * (200 * 1024 * 1024)', { memoryBytes: 48 * 1024 * 1024, nanoCpus: 500_000_000 }))
    expect(end).toMatchObject({ status: 'completed', exitCode: 137 })
    expect(end.result?.containers[0]).toMatchObject({ oomKilled: true })
  }, 60_000)

  it('cuts the log at its limit with a notice while the container goes on', async () => {
    const end = await farm.run(
      program(`print('x' * 3_000_000)\nprint('y')\nopen('/work/end', 'w')`, {
        logLimit: 1000,
        mounts: [{ source: shared, target: '/work' }],
      }),
    )
    const written = end.log.replace(/^.*\[farm\].*$/gm, '')
    expect(written).toContain('x'.repeat(1000) + LOG_LIMIT_NOTICE)
    expect(written).not.toContain('y\n')
    expect(end).toMatchObject({ status: 'completed', exitCode: 0, result: { logTruncated: true } })
  }, 60_000)

  it('ends a message that fits into no environment, an unknown image and an unknown program as failures with their kind', async () => {
    const long = await farm.run(program('pass', { env: [['MSG', 'x'.repeat(131_072)]] }))
    expect(long).toMatchObject({ status: 'failed', outcome: 'could-not-start', result: { failure: 'message' } })
    const unknown = await farm.run({ image: 'localhost:1/no/such-image' })
    expect(unknown).toMatchObject({ status: 'failed', outcome: 'could-not-start', result: { failure: 'image' } })
  }, 60_000)

  it('halts a container gently: the attempt keeps its task until the end, and its results count', async () => {
    const code = `import signal, socket, sys, time
def end(*_):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect('/_abaco_results.sock'); s.send(b'last words'); sys.exit(3)
signal.signal(signal.SIGTERM, end)
print('ready')
time.sleep(100)`
    const taskId = await farm.send(program(code))
    await farm.until(taskId, ({ activity }) => activity.includes('running in container'))
    for (let tries = 0; tries < 200 && !(await farm.execution(taskId)).log.includes('ready'); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    await farm.manager.context.farm.tasks.halt(taskId, 'halted by a test')
    expect((await farm.execution(taskId)).status).toBe('active')
    const end = await farm.end(taskId)
    expect(end).toMatchObject({ status: 'completed', outcome: 'stopped' })
    expect(end.result?.containers[0]).toMatchObject({ exitCode: 3 })
    expect(end.results.map(String)).toEqual(['last words'])
    await expect(farm.manager.context.farm.tasks.halt(taskId, 'again')).rejects.toThrow('is not running')
  }, 60_000)

  const CALL = `
import http.client, json, os, ssl, sys
from urllib.parse import urlsplit
base = urlsplit(os.environ['_abaco_api_server'])
def call(path, headers={}, method='GET', host=base.hostname):
    c = http.client.HTTPSConnection(host, base.port or 443, context=ssl._create_unverified_context(), timeout=10)
    c.request(method, path, headers=headers)
    r = c.getresponse()
    print(path, r.status, r.read().decode()[:300])
`

  it('lets containers call the actors API, and it alone, as their own execution', async () => {
    farm.calls.length = 0
    const end = await farm.run(
      program(`${CALL}
call('/actors/v2/x')
call('//actors/x', {'X-Jwt-Assertion-Dev': '123', 'X-Forwarded-For': '127.0.0.1'})
call('/actors/x?x-nonce=abc')
call('/actors/y', {'Authorization': 'Bearer ' + os.environ['_abaco_access_token']})
call('/actors/x', {'Host': 'other.actors.framehouse.local'})
call('/api/v1/jobs')
call('/actors/../api/v1/jobs')
print(os.environ['TAPIS_DEFAULT_VERIFY_SSL'])`),
    )
    expect(end.log.match(/^\S+ \d{3} /gm)).toEqual([
      '/actors/v2/x 200 ',
      '//actors/x 200 ',
      '/actors/x?x-nonce=abc 200 ',
      '/actors/y 200 ',
      '/actors/x 403 ',
      '/api/v1/jobs 404 ',
      '/actors/../api/v1/jobs 404 ',
    ])
    expect(end.log).toContain('\nfalse\n')
    const from = { attempt: 1, forwardedFor: expect.stringMatching(/^172\./) }
    expect(farm.calls).toEqual([
      { path: '/actors/v2/x', caller: 'attempt', ...from },
      { path: '/actors/x', caller: 'attempt', ...from },
      { path: '/actors/x?x-nonce=abc', caller: 'nobody', ...from, attempt: undefined },
      { path: '/actors/y', caller: 'attempt', ...from },
    ])
  }, 60_000)

  it('is certified by the farm’s authority, which a container can check', async () => {
    await expect.poll(() => farm.log.lines.join('\n')).toContain("the farm's authority vouches for the gateway for containers")
    const authority = farm.manager.context.farmAuthority()?.certificate ?? ''
    const checked = CALL.replace('ssl._create_unverified_context()', "ssl.create_default_context(cadata=os.environ['AUTHORITY'])")
    expect((await farm.run(program(`${checked}\ncall('/actors/x')`, { env: [['AUTHORITY', authority]] }))).log).toContain('/actors/x 200 ')
  }, 60_000)

  it('ends the credential with the execution, and gives none to an execution without a token', async () => {
    farm.calls.length = 0
    const tokenless = await farm.run(
      program(`${CALL}\ncall('/actors/x')\nprint(repr(os.environ['_abaco_access_token']))`, { token: false }),
    )
    expect(tokenless.log).toContain("''")
    // Local trust of the manager's own machine does not count for what a container asks.
    expect(farm.calls).toEqual([expect.objectContaining({ caller: 'nobody' })])
    const kept = await farm.run(program(`import os\nprint('TOKEN=' + os.environ['_abaco_access_token'])`))
    const token = /TOKEN=(\S+)/.exec(kept.log)?.[1] ?? ''
    const after = await fetch(new URL('actors/x', farm.manager.url), { headers: { authorization: `Bearer ${token}` } })
    expect(await after.json()).toMatchObject({ result: { caller: 'nobody' } })
    const native = await fetch(new URL('api/v1/jobs', farm.manager.url), { headers: { authorization: `Bearer ${token}` } })
    expect(native.status).toBe(401)
  }, 60_000)
})
