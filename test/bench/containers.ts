/** What the farm costs beside the containers, against bare dockerode on the same engine in the same run. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { CliProcess } from '../support/cliProcess.ts'
import { importBusybox } from '../support/containers.ts'
import type { ManagerProcess } from '../support/managerProcess.ts'
import { JobEnds } from './jobEnds.ts'
import { percentile, sleep } from './statistics.ts'

export interface ContainerResult {
  /** Medians of one container after another, milliseconds. */
  farmMs: number
  bareMs: number
  /** Containers a second, `PARALLEL` at once. */
  farmRate: number
  bareRate: number
  linesPerSecond: number
  bareLinesPerSecond: number
  lostLines: number
}

const ROUNDS = 20
const QUEUED = 200
const PARALLEL = 4
const LINES = 400_000

export async function measureContainers(manager: ManagerProcess): Promise<ContainerResult> {
  const image = importBusybox()
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-bench-containers-'))
  const worker = CliProcess.start('worker', '--manager', manager.url, '--data', folder, '--name', 'bench', '--containers', String(PARALLEL))
  const docker = new Docker({ socketPath: '/var/run/docker.sock', host: undefined })
  const ends = await JobEnds.of(manager)
  const onFarm = async (settings: Record<string, unknown>): Promise<string> => {
    const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', { name: 'bench', type: 'container', settings })
    await ends.completed(id)
    return id
  }
  try {
    await until(async () =>
      (await get<{ items: { kinds: string[] }[] }>(manager, 'workers')).items.some(({ kinds }) => kinds.includes('container')),
    )
    const flood = `i=0; while [ $i -lt ${LINES / 100} ]; do echo "$L"; i=$((i+1)); done`
    const env = `L=${Array.from({ length: 100 }, (_, at) => `line ${at} of a hundred in one write`).join('\n')}`
    await onFarm({ image: image.name, command: 'true' })
    const farm: number[] = []
    const bare: number[] = []
    // In turns, so that what else the machine does falls on both.
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await timed(() => runBare(docker, image.name, ['true'])))
      farm.push(await timed(() => onFarm({ image: image.name, command: 'true' })))
    }
    const bareMs = await timed(() => drainBare(docker, image.name, QUEUED, PARALLEL))
    const farmMs = await timed(() => onFarm({ image: image.name, command: "sh -c ': {frame}'", frames: `1-${QUEUED}` }))
    const bareFlood = await timed(() => runBare(docker, image.name, ['sh', '-c', flood], [env]))
    let logged = 0
    const farmFlood = await timed(async () => {
      const id = await onFarm({ image: image.name, command: `sh -c '${flood}'`, environment: `'${env}'` })
      const [task] = (await get<{ items: { id: string }[] }>(manager, `jobs/${id}/tasks`)).items
      logged = (await get<{ items: { logLines: number }[] }>(manager, `tasks/${task?.id ?? ''}/attempts`)).items[0]?.logLines ?? 0
    })
    return {
      farmMs: percentile(farm, 0.5),
      bareMs: percentile(bare, 0.5),
      farmRate: (QUEUED * 1000) / farmMs,
      bareRate: (QUEUED * 1000) / bareMs,
      linesPerSecond: (LINES * 1000) / farmFlood,
      bareLinesPerSecond: (LINES * 1000) / bareFlood,
      lostLines: Math.max(0, LINES - logged),
    }
  } finally {
    ends.close()
    await worker.end()
    image.remove()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Create, attach, start, wait, inspect, remove: what every client must do. */
async function runBare(docker: Docker, image: string, command: string[], env: string[] = []): Promise<void> {
  const container = await docker.createContainer({ Image: image, Cmd: command, Env: env })
  const output = await container.attach({ stream: true, stdout: true, stderr: true })
  const read = new Promise((resolve) => output.on('end', resolve).resume())
  await container.start()
  await container.wait()
  await read
  await container.inspect()
  await container.remove()
}

/** So many containers without the farm, `parallel` of them at once. */
export async function drainBare(docker: Docker, image: string, count: number, parallel: number): Promise<void> {
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) await runBare(docker, image, ['true'])
  }
  await Promise.all(Array.from({ length: parallel }, lane))
}

const get = <T>(manager: ManagerProcess, path: string): Promise<T> => manager.json<T>('GET', `/api/v1/${path}`)

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5)
}
