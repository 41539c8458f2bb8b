/** Fills a farm of two workers with what a studio's farm shows on a busy day: for pictures of the GUI and for looking at it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GuiFarm } from './guiFarm.ts'
import { makeBlend } from './makeBlend.ts'

export interface ShowJobs {
  /** A long animation that is running. */
  running: string
  /** An animation that is done, and a second version of it to compare with. */
  done: string
  other: string
  /** Some of its frames failed for good. */
  failed: string
  /** Waits for a tag that no worker has. */
  waiting: string
  /** EXR frames of Blender; '' without Blender. */
  exr: string
  /** The first worker. */
  worker: string
  /** PNG frames of Blender and a video made of them; '' without Blender. */
  video: string
}

const PROJECTS = ['Lighthouse', 'Nordlicht', 'Tin Can', 'Archive'] as const
const SHOTS = ['sq010_sh010', 'sq010_sh040', 'sq020_sh030', 'sq030_sh110', 'sq040_sh020', 'sq050_sh070', 'sq060_sh010', 'sq070_sh050']
const STEPS = ['layout', 'anim', 'fx', 'light', 'comp'] as const

interface Made {
  id: string
}

/** Waits until `done` says so of the job, or throws after `limitMs`. */
export async function untilJob(
  farm: GuiFarm,
  id: string,
  done: (job: { status: string; frameCount: number }) => boolean,
  limitMs = 900_000,
): Promise<void> {
  const end = Date.now() + limitMs
  for (;;) {
    const job = await farm.api<{ status: string; frameCount: number }>('GET', `/jobs/${id}`)
    if (done(job)) return
    if (Date.now() > end) throw new Error(`job ${id} is still ${job.status}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** @param blender path of Blender, or '' for a farm without it */
export async function fillShowFarm(farm: GuiFarm, blender: string): Promise<ShowJobs> {
  farm.addWorker('atlas')
  farm.addWorker('borealis')
  const submit = async (body: Record<string, unknown>) => (await farm.api<Made>('POST', '/jobs', body)).id
  const ended = (job: { status: string }) => ['completed', 'failed'].includes(job.status)

  for (const limit of [
    { name: 'nuke-render', description: 'Floating licences of the compositor', max: 4, scope: 'machine' },
    { name: 'houdini-engine', description: 'One for each simulation', max: 1, scope: 'attempt' },
    { name: 'disk-writers', description: 'Caches written to the old file server at once', max: 6, scope: 'attempt' },
  ]) {
    await farm.api('POST', '/limits', limit)
  }
  const shot = { chunk_size: 1, width: 640, height: 360, samples: 2 }
  const done = await submit({
    name: 'sq020_sh030 light v011',
    type: 'demo-render',
    project: 'Lighthouse',
    settings: { ...shot, frames: '1-16', chunk_size: 2 },
  })
  const other = await submit({
    name: 'sq020_sh030 light v012',
    type: 'demo-render',
    project: 'Lighthouse',
    settings: { ...shot, frames: '1-16', chunk_size: 2, samples: 4 },
  })
  const wanted = join(farm.dataDir, 'plates')
  await mkdir(wanted)
  for (const frame of [1, 2, 3, 5, 6, 8, 9, 10, 12]) await writeFile(join(wanted, `plate.${String(frame).padStart(4, '0')}.exr`), 'x')
  const failed = await submit({
    name: 'plates ingest check',
    type: 'command-per-frame',
    project: 'Tin Can',
    limits: ['disk-writers'],
    settings: { command: `ls -l ${wanted}/plate.{frame:04}.exr`, frames: '1-12' },
    policy: { failAfterWorkers: 2, blockAfterFailures: 0 },
  })
  let exr = ''
  let video = ''
  if (blender) {
    const blendfile = await makeBlend(blender, { width: '480', height: '270', samples: '6', frames: '12' })
    exr = await submit({
      name: 'turntable, linear EXR',
      type: 'simple-blender-render',
      project: 'Nordlicht',
      settings: {
        frames: '1-12',
        chunk_size: 3,
        render_output_root: join(farm.dataDir, 'renders'),
        add_path_components: 0,
        blendfile,
        fps: 24,
        format: 'OPEN_EXR',
        image_file_extension: '.exr',
        has_previews: false,
        scene: 'Scene',
      },
    })
    video = await submit({
      name: 'turntable for the client',
      type: 'simple-blender-render',
      project: 'Nordlicht',
      settings: {
        frames: '1-6',
        chunk_size: 1,
        render_output_root: join(farm.dataDir, 'renders'),
        add_path_components: 0,
        blendfile,
        fps: 24,
        format: 'PNG',
        image_file_extension: '.png',
        has_previews: false,
        scene: 'Scene',
      },
    })
  }
  for (const id of [done, other, failed, exr, video]) if (id) await untilJob(farm, id, ended)
  const { items: machines } = await farm.api<{ items: Made[] }>('GET', '/machines')
  for (const machine of machines) await farm.api('PATCH', `/machines/${machine.id}`, { hourlyRate: 0.42, watts: 380 })

  // A list that looks like a studio's: small things that are done, and much that waits for its turn.
  let n = 0
  for (const name of SHOTS) {
    for (const step of STEPS) {
      const project = PROJECTS[n % PROJECTS.length]
      await submit({
        name: `${name} ${step} v${String((n % 9) + 1).padStart(3, '0')}`,
        type: 'command-per-frame',
        project,
        priority: 10 + ((n * 7) % 70),
        settings: { command: 'true', frames: `1-${2 + (n % 5)}` },
        ...(n % 3 === 0 ? { paused: true } : {}),
      })
      n++
    }
  }
  const tag = await farm.api<Made>('POST', '/tags', { name: 'gpu' })
  const waiting = await submit({
    name: 'sq080_sh010 fx sim',
    type: 'command-per-frame',
    project: 'Nordlicht',
    tag: tag.id,
    priority: 70,
    settings: { command: 'true', frames: '1-40' },
  })
  await submit({
    name: 'nightly proxies',
    type: 'command-per-frame',
    project: 'Archive',
    settings: { command: 'true', frames: '1-100' },
    startAfter: new Date(Date.now() + 9 * 3_600_000).toISOString(),
  })
  const running = await submit({
    name: 'sq050_sh070 light v004',
    type: 'demo-render',
    project: 'Nordlicht',
    priority: 90,
    settings: { frames: '1-120', chunk_size: 3, width: 960, height: 540, samples: 3 },
    limits: ['disk-writers'],
  })
  await fillSettings(farm)
  await untilJob(farm, running, (job) => job.frameCount >= 24)
  const { items: workers } = await farm.api<{ items: Made[] }>('GET', '/workers')
  return { running, done, other, failed, waiting, exr, video, worker: workers[0]?.id ?? '' }
}

/** Schedules, people, whom to tell, a backup. */
async function fillSettings(farm: GuiFarm): Promise<void> {
  const job = { type: 'command-per-frame', project: 'Archive', settings: { command: 'true', frames: '1-24' } }
  for (const schedule of [
    {
      name: 'nightly proxies',
      trigger: { kind: 'cron', expression: '0 22 * * 1-5', timeZone: 'Europe/Berlin' },
      job: { ...job, name: 'proxies {date}' },
    },
    {
      name: 'dailies',
      trigger: { kind: 'cron', expression: '30 8 * * *', timeZone: 'Europe/Berlin' },
      job: { ...job, name: 'dailies {date}' },
    },
    { name: 'clean the cache', trigger: { kind: 'interval', everySeconds: 7200 }, job: { ...job, name: 'clean {n}' } },
  ]) {
    const { id } = await farm.api<Made>('POST', '/schedules', schedule)
    if (schedule.name === 'dailies') await farm.api('POST', `/schedules/${id}/run`)
  }
  for (const [name, role] of [
    ['anna', 'admin'],
    ['mika', 'artist'],
    ['client', 'viewer'],
  ]) {
    await farm.api('POST', '/users', { name, role, password: 'a password for pictures' })
  }
  await farm.api('PATCH', '/settings', {
    smtpHost: 'mail.studio.example',
    mailFrom: 'Render farm <farm@studio.example>',
    publicUrl: 'http://farm.studio.example:8080',
    notifications: [
      { on: ['failed'], mail: 'td@studio.example' },
      {
        on: ['completed', 'failed'],
        webhook: { url: 'https://chat.studio.example/hooks/render', headers: { Authorization: 'Bearer 4f1c' } },
      },
    ],
    backupEveryMs: 86_400_000,
  })
  await farm.api('POST', '/backups')
}
