/** What the farm costs beside the rendering: 24 one-frame Blender tasks on two workers, against `xargs -P2 blender`. */
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
  farmSeconds: number
  xargsSeconds: number
}

const FRAMES = 24

/** Undefined where there is no Blender. */
export async function measureOverhead(manager: ManagerProcess): Promise<OverheadResult | undefined> {
  const blender = await promisify(execFile)('sh', ['-c', 'command -v blender']).then(({ stdout }) => stdout.trim(), () => undefined)
  if (!blender) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-overhead-'))
  const workers: CliProcess[] = []
  try {
    const blend = await makeBlend(blender, { frames: String(FRAMES) })
    await once(blender, blend, join(folder, 'warm')) // so that neither side pays for cold files
    const xargsSeconds = await xargs(blender, blend, join(folder, 'xargs'))
    for (const name of ['one', 'two']) {
      workers.push(CliProcess.start('worker', '--manager', manager.url, '--data', join(folder, name), '--name', name, '--slots', '1'))
    }
    await waitFor(async () => (await manager.json<{ items: { status: string; name: string }[] }>('GET', '/api/v1/workers')).items.filter(({ name, status }) => ['one', 'two'].includes(name) && status === 'awake').length === 2)
    const farmSeconds = await onFarm(manager, blend, join(folder, 'farm'))
    return { farmSeconds, xargsSeconds }
  } finally {
    await Promise.all(workers.map((worker) => worker.end()))
    await rm(folder, { recursive: true, force: true })
  }
}

async function onFarm(manager: ManagerProcess, blend: string, output: string): Promise<number> {
  const began = performance.now()
  const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', {
    name: 'overhead',
    type: 'simple-blender-render',
    settings: {
      frames: `1-${FRAMES}`,
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

function xargs(blender: string, blend: string, output: string): Promise<number> {
  const began = performance.now()
  const command = `seq 1 ${FRAMES} | xargs -P2 -I{} ${blender} -b -y ${blend} --scene Scene --render-output ${output}/###### --render-format PNG --render-frame {}`
  return new Promise((resolve, reject) => {
    spawn('sh', ['-c', command], { stdio: 'ignore' }).once('exit', (code) =>
      code === 0 ? resolve((performance.now() - began) / 1000) : reject(new Error(`xargs ended with ${code}`)),
    )
  })
}

async function once(blender: string, blend: string, output: string): Promise<void> {
  await promisify(execFile)(blender, ['-b', '-y', blend, '--render-output', `${output}/######`, '--render-format', 'PNG', '--render-frame', '1'])
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50)
}
