/** A process that renders one endless frame in an open Blender and says that Blender's pid, so that a test can kill it: `sessionHolder.ts BLEND FOLDER`. */
import { join } from 'node:path'
import { createCommandRegistry } from '../../src/main/worker/commands/registry.ts'
import type { CommandContext } from '../../src/main/worker/contract/commands.ts'
import { WarmAppPool } from '../../src/main/worker/apps/warmAppPool.ts'

const [blend = '', folder = ''] = process.argv.slice(2)
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const limits = { idleMs: 60_000, maxFrames: 100, maxMemoryBytes: 1e12, hangMs: 0 }
let pid = 0
let told = false
const context: CommandContext = {
  task: { taskId: 't', attempt: 1, jobId: 'j', jobName: 'j', jobType: 'test', taskName: 't', kind: 'blender' },
  signal: new AbortController().signal,
  log: () => undefined,
  write: () => undefined,
  congested: () => undefined,
  progress: () => undefined,
  activity: (text) => {
    if (told || !text.includes('sample')) return
    told = true
    process.stdout.write(`${pid}\n`)
  },
  alive: () => undefined,
  output: () => undefined,
  warn: () => undefined,
  existing: { mode: 'replace' },
  inputs: () => undefined,
  handOver: () => undefined,
  result: () => undefined,
  metrics: { add: () => undefined, max: () => undefined },
  processes: { starting: () => undefined, started: (_cookie, started) => (pid = started), ended: () => undefined },
  sessions: new WarmAppPool({ slots: 1, limits, workRoot: folder, log: silent, now: Date.now }),
  workDir: () => Promise.resolve(folder),
  tools: { programs: {} },
  limits: { nice: 5, oomScoreAdjust: null },
  env: {},
  now: Date.now,
}
const args = ['--render-output', join(folder, 'f-####'), '--render-format', 'PNG', '--render-frame', '1']
await createCommandRegistry({ programs: {} }).find('blender-render')?.(
  { name: 'blender-render', parameters: { exe: 'blender', exeArgs: '-b -y', argsBefore: [], blendfile: blend, args }, totalStepCount: 1 },
  context,
)
