/** Function specifications: what a process runs and under which conditions. */
import { Type, type Static } from 'typebox'
import { ColoniesError } from '../wire/errors.ts'
import { anything, integer, listOf, mapOf, maybe, text } from '../wire/lenient.ts'
import { bytesOf, cpuOf } from './resources.ts'

const Gpu = Type.Object({ name: text, mem: text, count: integer, nodecount: integer })
const Conditions = Type.Object({
  colonyname: text,
  executornames: listOf(text),
  executortype: text,
  locationname: text,
  dependencies: listOf(text),
  nodes: integer,
  cpu: text,
  processes: integer,
  processespernode: integer,
  mem: text,
  storage: text,
  gpu: Gpu,
  walltime: integer,
})

export const FuncSpec = Type.Object({
  nodename: text,
  funcname: text,
  args: listOf(anything),
  kwargs: mapOf(anything),
  priority: integer,
  maxwaittime: integer,
  maxexectime: integer,
  maxretries: integer,
  conditions: Conditions,
  label: text,
  fs: Type.Object({ mount: text, snapshots: maybe(anything), dirs: maybe(anything) }),
  env: mapOf(text),
  channels: listOf(text),
})
export type FuncSpec = Static<typeof FuncSpec>

export const WorkflowSpec = Type.Object({ colonyname: text, functionspecs: listOf(FuncSpec) })
export type WorkflowSpec = Static<typeof WorkflowSpec>

const LOWEST_PRIORITY = -50_000
const HIGHEST_PRIORITY = 50_000
const MOST_CHANNELS = 100
const LONGEST_NAME = 1_000
/** Times beyond it are none that a calendar has. */
const LONGEST_SECONDS = 100_000_000_000

/** @throws ColoniesError 400 */
export function checkSpec({ priority, conditions, channels, ...spec }: FuncSpec): void {
  if (priority < LOWEST_PRIORITY || priority > HIGHEST_PRIORITY) {
    throw new ColoniesError(400, `Failed to submit process, priority outside range [${LOWEST_PRIORITY}, ${HIGHEST_PRIORITY}]`)
  }
  cpuOf(conditions.cpu, 'conditions.cpu')
  for (const field of ['mem', 'storage'] as const) bytesOf(conditions[field], `conditions.${field}`)
  bytesOf(conditions.gpu.mem, 'conditions.gpu.mem')
  if (channels.length > MOST_CHANNELS) throw new ColoniesError(400, `a process has at most ${MOST_CHANNELS} channels`)
  if (new Set(channels).size < channels.length) throw new ColoniesError(400, 'channels: a name occurs twice')
  const names = { nodename: spec.nodename, funcname: spec.funcname, label: spec.label, executortype: conditions.executortype }
  for (const [field, name] of Object.entries(names)) {
    if (name.length > LONGEST_NAME) throw new ColoniesError(400, `${field} has more than ${LONGEST_NAME} characters`)
  }
  for (const field of ['maxwaittime', 'maxexectime'] as const) {
    if (spec[field] > LONGEST_SECONDS) throw new ColoniesError(400, `${field}: ${spec[field]} seconds are too long`)
  }
}

/** As replies show it: every key, `channels` and `locationname` only where there are some. */
export function wireSpec({ channels, conditions, fs, ...spec }: FuncSpec): Record<string, unknown> {
  const { executornames, locationname, ...others } = conditions
  return {
    ...spec,
    conditions: {
      ...others,
      executornames: executornames.length > 0 ? executornames : null,
      ...(locationname !== '' && { locationname }),
    },
    fs: { mount: fs.mount, snapshots: fs.snapshots ?? null, dirs: fs.dirs ?? null },
    ...(channels.length > 0 && { channels }),
  }
}
