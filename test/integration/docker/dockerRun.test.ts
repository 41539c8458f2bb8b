/** `docker-run` with real containers. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { ContainerConfig } from '../../../src/main/docker/config.ts'
import { Engines } from '../../../src/main/docker/engines/engines.ts'
import { dockerRun } from '../../../src/main/worker/commands/container/dockerRun.ts'
import { deferred } from '../../../src/shared/async.ts'
import { commandOf, recordedContext, tempFolder, until, type RecordedContext } from '../../support/commandContext.ts'
import { containerConfig, containersOf, docker, importBusybox, type TestImage } from '../../support/containers.ts'
import { EngineDoor } from '../../support/engineDoor.ts'
import { bytesOfStream, differenceOf, HOSTILE, hostileInShell } from '../../support/hostile.ts'
import { requirePart } from '../../support/parts.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

const part = requirePart('docker')
const log = silentLogger

part.describe('docker-run', () => {
  let image: TestImage
  beforeAll(() => {
    image = importBusybox()
  })
  afterAll(() => image.remove())

  async function run(
    parameters: Record<string, unknown>,
    { config = {}, context, steps = 0 }: { config?: Partial<ContainerConfig>; context?: RecordedContext; steps?: number } = {},
  ): Promise<RecordedContext> {
    const recorded = context ?? (await recordedContext({ taskId: randomUUID() }))
    const engines = new Engines(containerConfig(config), { log, owner: randomUUID() })
    await engines.look()
    await dockerRun(engines)(commandOf('docker-run', { image: image.name, ...parameters }, steps), recorded)
    return recorded
  }
  const sh = (script: string) => ['sh', '-c', script]
  const gone = () => vi.waitFor(() => expect(containersOf(image.name)).toEqual([]), { timeout: 20_000, interval: 50 })

  it('runs an image, tells its streams apart, records how it ended, and removes it', async () => {
    const context = await run({ command: `sh -c 'echo out; echo err >&2; printf "no newline"'` })
    expect(
      context.entries
        .filter(({ stream }) => stream === 'stdout')
        .map(({ text }) => text)
        .join(''),
    ).toBe('out\nno newline')
    expect(
      context.entries
        .filter(({ stream }) => stream === 'stderr')
        .map(({ text }) => text)
        .join(''),
    ).toBe('err\n')
    expect(context.results.at(-1)).toEqual({
      containers: [
        expect.objectContaining({
          engine: 'local',
          image: image.name,
          imageId: docker(['inspect', '--format', '{{.Id}}', image.name]),
          imageDigest: null,
          exitCode: 0,
          oomKilled: false,
          error: '',
          startedAt: expect.stringMatching(/^20.*Z$/),
          finishedAt: expect.stringMatching(/^20.*Z$/),
          cpuSeconds: null,
          peakMemoryBytes: null,
        }),
      ],
    })
    await gone()
  })

  it('keeps what it writes byte for byte', async () => {
    const context = await run({ command: sh(`${hostileInShell()}; (${hostileInShell()}) >&2`) })
    for (const stream of ['stdout', 'stderr']) expect(differenceOf(bytesOfStream(context.entries, stream), HOSTILE)).toBeUndefined()
  })

  it('keeps it so when the connection breaks and all of it comes again', async () => {
    const door = await EngineDoor.open()
    try {
      const gate = await tempFolder()
      const script = `${hostileInShell()}; touch /gate/said; while [ ! -e /gate/go ]; do sleep 0.1; done; ${hostileInShell()}`
      const engines = [{ name: 'local', host: door.host }]
      const running = run(
        { command: sh(script), mounts: [{ source: gate, target: '/gate' }] },
        { config: { engines, mounts: [{ path: gate, readOnly: false }] } },
      )
      await until(() => existsSync(join(gate, 'said')), 'it has written')
      const before = door.asked.length
      door.breakAll()
      await until(() => door.asked.slice(before).some((request) => request.endsWith('/containers/ID/logs')), 'its log is read again')
      await writeFile(join(gate, 'go'), '')
      const context = await running
      expect(differenceOf(bytesOfStream(context.entries, 'stdout'), Buffer.concat([HOSTILE, HOSTILE]))).toBeUndefined()
      // It is removed through the same door.
      await gone()
    } finally {
      door.close()
    }
  })

  it('measures a container that lives longer than a sample', async () => {
    const context = await run({ command: sh('i=0; end=$(( $(date +%s) + 4 )); while [ $(date +%s) -lt $end ]; do i=$((i+1)); done') })
    expect(context.numbers.get('cpuSeconds')).toBeGreaterThan(0.05)
    expect(context.numbers.get('peakMemoryBytes')).toBeGreaterThan(50_000)
  })

  it.each([
    [
      'the exit code',
      { command: ['sh', '-c', 'echo it failed; exit 123'] },
      { outcome: 'exit-code', exitCode: 123 },
      /exited with code 123/,
    ],
    ['a program that is not there', { command: ['qwe'] }, { outcome: 'could-not-start' }, /"qwe": executable file not found/],
    [
      'an image that is not there',
      { image: 'framehouse-test-nothing:1', pull: 'never' },
      { outcome: 'could-not-start' },
      /No such image: framehouse-test-nothing:1/,
    ],
    [
      'a registry that does not answer',
      { image: '127.0.0.1:1/nothing:1' },
      { outcome: 'could-not-start' },
      /cannot pull 127\.0\.0\.1:1\/nothing:1: .*refused/,
    ],
    [
      'memory',
      { command: ['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=64M count=1'], memoryBytes: 16 * 1_048_576 },
      { outcome: 'exit-code', exitCode: 137 },
      /ran out of memory.*16777216 bytes/,
    ],
    ['time', { command: ['sleep', '60'], timeoutMs: 500, stopGraceMs: 0 }, { outcome: 'timed-out' }, /ran longer than 0\.5 s/],
    ['an unclosed quote', { command: "echo 'x" }, { outcome: 'could-not-start' }, /parameter "command" cannot be split/],
    ['a parameter of the wrong type', { memoryBytes: 'lots' }, { outcome: 'could-not-start' }, /parameter "memoryBytes"/],
  ])('fails clearly for %s', async (_what, parameters, expected, message) => {
    const failure: unknown = await run(parameters).catch((error: unknown) => error)
    expect(failure).toMatchObject(expected)
    expect(String(failure)).toMatch(message)
    await gone()
  })

  it('reports that the container was ended by others', async () => {
    const context = await recordedContext({ taskId: randomUUID() })
    const running = run({ command: sh('echo ready; while :; do sleep 0.1; done'), memoryBytes: 64 * 1_048_576 }, { context })
    await until(() => context.text.includes('ready'), 'the container says ready')
    docker(['kill', ...containersOf(image.name)])
    await expect(running).rejects.toMatchObject({
      outcome: 'exit-code',
      exitCode: 137,
      message: 'the container exited with code 137: signal 9 was sent through the Docker engine, not by the farm',
    })
    expect(context.results.at(-1)).toMatchObject({ containers: [{ exitCode: 137, oomKilled: false }] })
  })

  it('is stopped by its signal and its grace, and tells how it ended', async () => {
    const context = await recordedContext({ taskId: randomUUID() })
    const command = sh('trap "echo bye; exit 7" INT; echo ready; while :; do sleep 0.1; done')
    const running = run({ command, stopSignal: 'SIGINT', stopGraceMs: 10_000 }, { context })
    await until(() => context.text.includes('ready'), 'the container says ready')
    context.stop()
    await expect(running).rejects.toMatchObject({ outcome: 'stopped' })
    expect(context.text).toContain('bye')
    expect(context.results.at(-1)).toMatchObject({ containers: [{ exitCode: 7 }] })
    await gone()
  })

  it('has its grace also when it is stopped before the engine has reported that it runs', async () => {
    const door = await EngineDoor.open()
    try {
      const started = deferred<void>()
      door.startAnswers = started.promise
      const context = await recordedContext({ taskId: randomUUID() })
      const command = sh('trap "sleep 1; echo bye; exit 7" INT; echo ready; while :; do sleep 0.1; done')
      const config = { engines: [{ name: 'local', host: door.host }] }
      const running = run({ command, stopSignal: 'SIGINT', stopGraceMs: 20_000 }, { context, config })
      const stopped = expect(running).rejects.toMatchObject({ outcome: 'stopped' })
      await until(() => context.text.includes('ready'), 'the container says ready')
      context.stop()
      started.resolve()
      await stopped
      expect(context.text).toContain('bye')
      expect(context.results.at(-1)).toMatchObject({ containers: [{ exitCode: 7 }] })
      await gone()
    } finally {
      door.close()
    }
  })

  it('gives the container what it asks for', async () => {
    const context = await run({
      command: sh(
        'id -u; pwd; echo "$WORD"; cat /proc/self/status | grep CapEff; touch /x; cat /etc/hosts | grep farm; echo home=${HOME-none}',
      ),
      user: '1234',
      workDir: '/tmp',
      env: { WORD: 'two words', N: 3, PATH: '/bin' },
      network: 'none',
      readOnlyRoot: true,
      dropCapabilities: true,
      extraHosts: { farm: '10.1.2.3' },
      cpus: 0.5,
      pids: 20,
      labels: { studio: 'ours' },
    })
    expect(context.text).toMatch(/^1234\n\/tmp\ntwo words\n/m)
    expect(context.text).toContain('CapEff:\t0000000000000000')
    expect(context.text).toContain('touch: /x: Read-only file system')
    expect(context.text).toContain('10.1.2.3\tfarm')
  })

  it('mounts what the worker allows, and nothing else', async () => {
    const folder = await tempFolder()
    const allowed = join(folder, 'allowed')
    await mkdir(allowed)
    await writeFile(join(allowed, 'in.txt'), 'hello')
    await symlink('/etc', join(allowed, 'out'))
    const config = { mounts: [{ path: allowed, readOnly: false }] }
    await run({ command: sh('cat /data/in.txt > /data/copy.txt'), mounts: [{ source: allowed, target: '/data' }] }, { config })
    expect(await readFile(join(allowed, 'copy.txt'), 'utf8')).toBe('hello')
    for (const source of ['/etc', folder, join(allowed, 'out'), `${allowed}/../..`]) {
      const failure = run({ command: ['true'], mounts: [{ source, target: '/data' }] }, { config })
      await expect(failure).rejects.toThrow(/parameter "mounts" cannot be/)
    }
  })

  it('shows files that it saves as frames, one container each', async () => {
    const folder = await tempFolder()
    const context = await run(
      {
        command: ['sh', '-c', 'echo frame {frame:04} > /out/{frame:04}.txt'],
        frames: '3-5',
        outputPattern: '/out/{frame:04}.txt',
        mounts: [{ source: folder, target: '/out' }],
      },
      { config: { mounts: [{ path: folder, readOnly: false }] }, steps: 3 },
    )
    expect(context.outputs.map(({ path, frame }) => [path, frame])).toEqual(
      [3, 4, 5].map((frame) => [join(folder, `000${frame}.txt`), frame]),
    )
    expect(context.steps).toBe(3)
    expect(context.results.at(-1)).toMatchObject({ containers: [{ exitCode: 0 }, { exitCode: 0 }, { exitCode: 0 }] })
  })

  it('fails when a file was not saved', async () => {
    const folder = await tempFolder()
    const running = run(
      { command: ['true'], outputPattern: `${folder}/x.png`, mounts: [{ source: folder, target: '/out' }] },
      { config: { mounts: [{ path: folder, readOnly: false }] } },
    )
    await expect(running).rejects.toThrow(/did not write ".*x\.png"/)
  })

  it('runs on with the local image when a pull fails, unless that is forbidden', async () => {
    const local = `127.0.0.1:1/${image.name}`
    docker(['tag', image.name, local])
    try {
      const context = await run({ image: local, command: ['echo', 'local'], pull: 'always' })
      expect(context.text).toBe('local\n')
      await expect(run({ image: local, command: ['true'], pull: 'always', localFallback: false })).rejects.toThrow(/cannot pull/)
    } finally {
      docker(['rmi', local])
    }
  })

  it('gives the task back when no engine answers', async () => {
    const folder = await tempFolder()
    const config = { engines: [{ name: 'away', host: `unix://${folder}/no.sock` }], engineGraceSeconds: 0 }
    await expect(run({ command: ['true'] }, { config })).rejects.toMatchObject({
      outcome: 'lost',
      message: expect.stringMatching(/no Docker engine of this worker answers: unix:.*no\.sock: connect ENOENT/),
    })
  })
})
