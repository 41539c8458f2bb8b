/** The day of the made-up farm: who works there, on which machines, and what was submitted when. Only data. */
import type { JobAction } from '../../src/shared/schemas/jobs/job.ts'

/** How the tasks of a job go. Frames are numbers of frames. */
export interface Habits {
  secondsPerFrame: number
  /** Fail on every try. */
  fails?: number[]
  /** Fail on the first try. */
  failsOnce?: number[]
  black?: number[]
  /** Each task warns of it. */
  missingFile?: string
}

export interface PlannedJob extends Habits {
  /** When it was submitted, in minutes before the end of the day. */
  ago: number
  by: string
  name: string
  type: string
  project: string
  priority?: number
  settings: Record<string, unknown>
  paused?: boolean
  /** Name of a tag. */
  tag?: string
  limits?: string[]
  /** Name of an earlier job. */
  after?: string
  startsInHours?: number
  then?: { ago: number; action: JobAction }[]
}

export interface PlannedWorker {
  name: string
  kinds: string[]
  slots: number
  tags: string[]
  gpu: boolean
  platform: string
  /** When it signed off, in minutes before the end of the day. */
  leftAgo?: number
  asleep?: boolean
  /** It has joined and waits for approval. */
  pending?: boolean
}

export const PASSWORD = 'mock-password'
export const PEOPLE = [
  { name: 'anna', role: 'admin' },
  { name: 'mika', role: 'artist' },
  { name: 'jo', role: 'artist' },
  { name: 'client', role: 'viewer' },
] as const

const RENDER = ['blender', 'blender-look', 'ffmpeg', 'command', 'framehouse-trace', 'misc', 'file-management']
export const WORKERS: PlannedWorker[] = [
  { name: 'atlas', kinds: RENDER, slots: 1, tags: ['gpu'], gpu: true, platform: 'linux' },
  { name: 'borealis', kinds: RENDER, slots: 1, tags: ['gpu'], gpu: true, platform: 'linux' },
  { name: 'cassini', kinds: RENDER, slots: 2, tags: [], gpu: false, platform: 'linux' },
  { name: 'dragonfly', kinds: RENDER, slots: 1, tags: ['gpu'], gpu: true, platform: 'linux' },
  { name: 'europa', kinds: RENDER, slots: 1, tags: [], gpu: false, platform: 'linux' },
  { name: 'figaro', kinds: RENDER, slots: 1, tags: [], gpu: false, platform: 'linux', asleep: true },
  { name: 'render-07', kinds: RENDER, slots: 1, tags: [], gpu: false, platform: 'linux', leftAgo: 95 },
  { name: 'workstation-mika', kinds: RENDER, slots: 1, tags: [], gpu: true, platform: 'windows', pending: true },
]

export const TAGS = [
  { name: 'gpu', description: 'Workers with a GPU' },
  { name: 'houdini', description: 'Workers with Houdini installed' },
]
export const LIMITS = [
  { name: 'nuke-render', description: 'Floating licenses of the compositor', max: 2, scope: 'machine' },
  { name: 'houdini-engine', description: 'One for each simulation', max: 1, scope: 'attempt' },
]

const CRON = { kind: 'cron', timeZone: 'Europe/Berlin' }
export const SCHEDULES = [
  { name: 'nightly proxies', trigger: { ...CRON, expression: '0 22 * * 1-5' }, job: { name: 'proxies {date}', frames: '1-24' } },
  { name: 'dailies', trigger: { ...CRON, expression: '30 8 * * *' }, job: { name: 'dailies {date}', frames: '1-6' }, runAgo: 410 },
  { name: 'clean the cache', trigger: { kind: 'interval', everySeconds: 86_400 }, job: { name: 'clean {n}', frames: '1' }, paused: true },
]

function blender(shot: string, frames: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    blendfile: `/projects/${shot}.blend`,
    frames,
    chunk_size: 2,
    render_output_root: '{jobs}/renders',
    add_path_components: 0,
    fps: 24,
    format: 'PNG',
    image_file_extension: '.png',
    has_previews: false,
    scene: 'Scene',
    ...more,
  }
}
function trace(folder: string, frames: string, chunk = 3): Record<string, unknown> {
  return { frames, chunk_size: chunk, output_dir: `{jobs}/${folder}` }
}
function command(line: string, frames: string): Record<string, unknown> {
  return { command: line, frames }
}

/** In order of time. */
export const JOBS: PlannedJob[] = [
  {
    ago: 720,
    by: 'mika',
    name: 'sq010_sh010 layout v003',
    type: 'simple-blender-render',
    project: 'Nordlicht',
    settings: blender('nordlicht/sq010/sh010', '1-16'),
    secondsPerFrame: 60,
  },
  {
    ago: 660,
    by: 'anna',
    name: 'sq010_sh040 light v011',
    type: 'simple-blender-render',
    project: 'Nordlicht',
    priority: 60,
    settings: blender('nordlicht/sq010/sh040', '1-14'),
    secondsPerFrame: 130,
    failsOnce: [7],
    missingFile: '/projects/nordlicht/textures/bark_disp.exr',
  },
  {
    ago: 600,
    by: 'jo',
    name: 'sq020_sh030 fx v002',
    type: 'simple-blender-render',
    project: 'Lighthouse',
    settings: blender('lighthouse/sq020/sh030', '1-10'),
    secondsPerFrame: 110,
    fails: [9, 10],
  },
  {
    ago: 540,
    by: 'jo',
    name: 'plates ingest check',
    type: 'command-per-frame',
    project: 'Tin Can',
    settings: command('oiiotool --stats /plates/{frame:04}.exr', '1-20'),
    secondsPerFrame: 600,
    then: [{ ago: 528, action: 'cancel' }],
  },
  {
    ago: 480,
    by: 'mika',
    name: 'turntable hero v007',
    type: 'demo-render',
    project: 'Lighthouse',
    settings: trace('turntable', '1-24'),
    secondsPerFrame: 40,
  },
  {
    ago: 360,
    by: 'anna',
    name: 'sq030_sh110 comp v001',
    type: 'demo-render',
    project: 'Tin Can',
    settings: trace('sq030_sh110', '1-16', 2),
    secondsPerFrame: 100,
    limits: ['nuke-render'],
    then: [{ ago: 354, action: 'pause' }],
  },
  {
    ago: 300,
    by: 'jo',
    name: 'old lookdev test',
    type: 'demo-render',
    project: 'Archive',
    settings: trace('lookdev', '1-2'),
    secondsPerFrame: 20,
    then: [{ ago: 280, action: 'delete' }],
  },
  {
    ago: 240,
    by: 'anna',
    name: 'sq040_sh020 light v004',
    type: 'demo-render',
    project: 'Nordlicht',
    settings: trace('sq040_sh020', '1-16', 2),
    secondsPerFrame: 80,
    black: [12],
    failsOnce: [5, 14],
  },
  {
    ago: 100,
    by: 'mika',
    name: 'sq060_sh010 anim v002',
    type: 'demo-render',
    project: 'Nordlicht',
    priority: 80,
    settings: trace('sq060_sh010', '1-8', 4),
    secondsPerFrame: 3600,
    then: [{ ago: 20, action: 'pause' }],
  },
  {
    ago: 90,
    by: 'jo',
    name: 'crowd cache',
    type: 'command-per-frame',
    project: 'Tin Can',
    priority: 70,
    settings: command('hython cache.py {frame}', '1-12'),
    secondsPerFrame: 1500,
    limits: ['houdini-engine'],
  },
  {
    ago: 50,
    by: 'mika',
    name: 'sq070_sh050 layout v001',
    type: 'simple-blender-render',
    project: 'Lighthouse',
    settings: blender('lighthouse/sq070/sh050', '1001-1024'),
    secondsPerFrame: 150,
    missingFile: '/projects/lighthouse/hdri/harbour_dusk_8k.hdr',
  },
  {
    ago: 45,
    by: 'mika',
    name: 'sq070_sh050 comp v001',
    type: 'command-per-frame',
    project: 'Lighthouse',
    settings: command('nuke -x comp.nk {frame}', '1001-1024'),
    secondsPerFrame: 30,
    after: 'sq070_sh050 layout v001',
    limits: ['nuke-render'],
  },
  {
    ago: 40,
    by: 'jo',
    name: 'sq080_sh010 fx sim',
    type: 'command-per-frame',
    project: 'Nordlicht',
    tag: 'houdini',
    settings: command('hython sim.py {frame}', '1-40'),
    secondsPerFrame: 60,
  },
  {
    ago: 35,
    by: 'anna',
    name: 'denoise in a container',
    type: 'container',
    project: 'Archive',
    settings: { image: 'registry.example/denoise:2', command: 'denoise --all' },
    secondsPerFrame: 60,
  },
  {
    ago: 30,
    by: 'anna',
    name: 'weekend archive',
    type: 'command-per-frame',
    project: 'Archive',
    settings: command('rsync -a /projects /archive', '1'),
    secondsPerFrame: 60,
    startsInHours: 9,
  },
  {
    ago: 25,
    by: 'mika',
    name: 'sq090_sh010 anim v001',
    type: 'simple-blender-render',
    project: 'Lighthouse',
    paused: true,
    settings: blender('lighthouse/sq090/sh010', '1-48'),
    secondsPerFrame: 40,
  },
  {
    ago: 24,
    by: 'anna',
    name: 'sq050_sh070 light v004',
    type: 'demo-render',
    project: 'Nordlicht',
    priority: 75,
    settings: trace('sq050_sh070', '1-48'),
    secondsPerFrame: 120,
    failsOnce: [14],
    fails: [10],
  },
  ...['sq010_sh020', 'sq010_sh030', 'sq020_sh010', 'sq020_sh020', 'sq030_sh100'].map((shot, at): PlannedJob => ({
    ago: 18 - at,
    by: at % 2 ? 'jo' : 'mika',
    name: `${shot} anim v00${at + 1}`,
    type: 'simple-blender-render',
    project: 'Nordlicht',
    priority: 30 + at * 5,
    settings: blender(`nordlicht/${shot}`, '1-48'),
    secondsPerFrame: 35,
  })),
]
