/**
 * Frames of Blender as tasks of one frame each on two workers, against fresh Blenders two at a time (`xargs -P2`) and against one
 * process that renders all of them: light frames, a scene that takes long to load, a long job.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CliProcess } from '../support/cliProcess.ts'
import { makeBlend } from '../support/makeBlend.ts'
import type { ManagerProcess } from '../support/managerProcess.ts'
import { sleep } from './statistics.ts'

export interface OverheadResult {
  what: string
  farmSeconds: number
  xargsSeconds?: number
  singleSeconds?: number
  /** The farm's time over that of xargs at most. */
  bar?: number
}

interface Scene {
  blender: string
  blend: string
  frames: number
}

/** Undefined where there is no Blender. */
export async function findBlender(): Promise<string | undefined> {
  return await promisify(execFile)('sh', ['-c', 'command -v blender']).then(
    ({ stdout }) => stdout.trim() || undefined,
    () => undefined,
  )
}

/** Undefined where there is no Blender. */
export async function measureOverhead(manager: ManagerProcess): Promise<OverheadResult[] | undefined> {
  const blender = await findBlender()
  if (!blender) return undefined
  return await withTwoWorkers(manager, async (folder) => {
    const light: Scene = { blender, blend: await makeBlend(blender, { frames: '24' }), frames: 24 }
    const heavy: Scene = { blender, blend: await makeHeavyBlend(blender, folder), frames: 24 }
    const long: Scene = { blender, blend: await makeBlend(blender, { frames: '500' }), frames: 500 }
    return [
      {
        what: '24 one-frame Blender tasks, two workers, against xargs -P2',
        bar: 0.35,
        ...(await compare(manager, light, join(folder, 'light'))),
      },
      { what: 'the same with a scene that takes seconds to load', ...(await compare(manager, heavy, join(folder, 'heavy'))) },
      {
        what: 'a job of 500 one-frame Blender tasks, two workers',
        farmSeconds: await onFarm(manager, long, join(folder, 'long', 'farm')),
        singleSeconds: await single(long, join(folder, 'long', 'single')),
      },
    ]
  })
}

/** The light scene's frames on the farm alone, twice; `look` gets the folder of the second run's files. */
export async function measureWarm<T>(
  manager: ManagerProcess,
  look: (folder: string) => Promise<T>,
): Promise<{ farmSeconds: number; seen: T } | undefined> {
  const blender = await findBlender()
  if (!blender) return undefined
  return await withTwoWorkers(manager, async (folder) => {
    const light: Scene = { blender, blend: await makeBlend(blender, { frames: '24' }), frames: 24 }
    await onFarm(manager, light, join(folder, 'first'))
    const farmSeconds = await onFarm(manager, light, join(folder, 'second'))
    return { farmSeconds, seen: await look(join(folder, 'second')) }
  })
}

async function withTwoWorkers<T>(manager: ManagerProcess, measure: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-overhead-'))
  const workers: CliProcess[] = []
  try {
    for (const name of ['one', 'two']) {
      workers.push(CliProcess.start('worker', '--manager', manager.url, '--data', join(folder, name), '--name', name, '--slots', '1'))
    }
    await waitFor(async () => {
      const { items } = await manager.json<{ items: { status: string; name: string }[] }>('GET', '/api/v1/workers')
      return items.filter(({ name, status }) => ['one', 'two'].includes(name) && status === 'awake').length === 2
    })
    return await measure(folder)
  } finally {
    await Promise.all(workers.map((worker) => worker.end()))
    await rm(folder, { recursive: true, force: true })
  }
}

async function compare(
  manager: ManagerProcess,
  scene: Scene,
  output: string,
): Promise<Pick<OverheadResult, 'farmSeconds' | 'xargsSeconds' | 'singleSeconds'>> {
  await single({ ...scene, frames: 1 }, join(output, 'first')) // so that no side pays for cold files
  const xargsSeconds = await xargs(scene, join(output, 'xargs'))
  const singleSeconds = await single(scene, join(output, 'single'))
  return { xargsSeconds, singleSeconds, farmSeconds: await onFarm(manager, scene, join(output, 'farm')) }
}

/** The light scene with tens of thousands of meshes that no frame shows, 2 GB in all: more than 5 s to load, as quick to render. */
async function makeHeavyBlend(blender: string, folder: string): Promise<string> {
  const path = join(folder, 'heavy.blend')
  const code = [
    'import bpy',
    "mesh = bpy.data.meshes.new('dust')",
    'mesh.from_pydata([(0, 0, 0)] * 2000, [], [])',
    "hidden = bpy.data.collections.new('hidden')",
    '[hidden.objects.link(bpy.data.objects.new("dust", mesh.copy())) for _ in range(60000)]',
    `bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(path)})`,
  ].join('; ')
  await promisify(execFile)(blender, ['-b', await makeBlend(blender, { frames: '24' }), '--python-exit-code', '1', '--python-expr', code])
  return path
}

async function onFarm(manager: ManagerProcess, { blend, frames }: Scene, output: string): Promise<number> {
  const began = performance.now()
  const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', {
    name: 'overhead',
    type: 'simple-blender-render',
    settings: {
      frames: `1-${frames}`,
      chunk_size: 1,
      render_output_root: output,
      add_path_components: 0,
      render_output_path: join(output, '######'),
      blendfile: blend,
      fps: 0,
      format: 'PNG',
      image_file_extension: '.png',
      scene: 'Scene',
    },
  })
  await waitFor(async () => {
    const { status } = await manager.json<{ status: string }>('GET', `/api/v1/jobs/${id}`)
    if (status === 'failed') throw new Error('the job failed')
    return status === 'completed'
  })
  return (performance.now() - began) / 1000
}

/** Fresh processes, two at a time. */
function xargs({ blender, blend, frames }: Scene, output: string): Promise<number> {
  const began = performance.now()
  const command = `seq 1 ${frames} | xargs -P2 -I{} ${blender} -b -y ${blend} --scene Scene --render-output ${output}/###### --render-format PNG --render-frame {}`
  return new Promise((resolve, reject) => {
    spawn('sh', ['-c', command], { stdio: 'ignore' }).once('exit', (code) =>
      code === 0 ? resolve((performance.now() - began) / 1000) : reject(new Error(`xargs ended with ${code}`)),
    )
  })
}

/** One process for all frames. */
async function single({ blender, blend, frames }: Scene, output: string): Promise<number> {
  const began = performance.now()
  const args = [
    '-b',
    '-y',
    blend,
    '--scene',
    'Scene',
    '--render-output',
    `${output}/######`,
    '--render-format',
    'PNG',
    '--render-frame',
    `1..${frames}`,
  ]
  await promisify(execFile)(blender, args, { maxBuffer: 256 * 1024 * 1024 })
  return (performance.now() - began) / 1000
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50)
}
