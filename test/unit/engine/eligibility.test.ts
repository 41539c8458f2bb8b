import { describe, expect, it } from 'vitest'
import { JOB_STATUSES } from '../../../src/shared/enums.ts'
import { jobHolds, workerExclusion, type JobFacts, type TaskFacts, type WorkerFacts } from '../../../src/main/engine/rules/eligibility.ts'

const NOW = 1_000
const JOB: JobFacts = {
  status: 'active',
  deletedAt: null,
  startAfter: null,
  unmetJobs: 0,
  limits: [],
  maxTasks: null,
  activeTasks: 0,
  lane: null,
  busy: false,
}
const limit = (inUse: number, scope: 'attempt' | 'machine' = 'attempt') => ({ name: 'nuke', max: 2, scope, inUse })

describe('what holds a job back', () => {
  it.each<[string, Partial<JobFacts>, string[]]>([
    ['nothing', {}, []],
    ['being deleted', { deletedAt: 1 }, ['deleted']],
    ['a start time ahead', { startAfter: NOW + 1 }, ['start-after']],
    ['a start time that has come', { startAfter: NOW }, []],
    ['jobs it depends on', { unmetJobs: 2 }, ['job-dependency']],
    ['a free limit', { limits: [limit(1)] }, []],
    ['a limit in use', { limits: [limit(2)] }, ['limit']],
    ['a limit that was lowered below its use', { limits: [limit(3)] }, ['limit']],
    ['a limit per machine: never the whole job', { limits: [limit(9, 'machine')] }, []],
    ['a free lane', { lane: { concurrency: 1, inUse: 0, overtakes: false } }, []],
    ['a full lane', { lane: { concurrency: 1, inUse: 1, overtakes: false } }, ['lane']],
    ['something older in an ordered lane', { lane: { concurrency: 2, inUse: 1, overtakes: true } }, ['lane-order']],
    ['a mass update', { busy: true }, ['busy']],
    [
      'everything at once',
      { status: 'paused', deletedAt: 1, startAfter: 9999, unmetJobs: 1, limits: [limit(2), limit(2)], busy: true },
      ['deleted', 'status', 'start-after', 'job-dependency', 'limit', 'limit', 'busy'],
    ],
  ])('%s', (_, facts, rules) => {
    expect(jobHolds({ ...JOB, ...facts }, NOW).map(({ rule }) => rule)).toEqual(rules)
  })

  it('only queued and active jobs hand out', () => {
    expect(JOB_STATUSES.filter((status) => jobHolds({ ...JOB, status }, NOW).length === 0)).toEqual(['queued', 'active'])
  })
})

const TASK: TaskFacts = {
  kind: 'blender',
  tagId: null,
  failedBy: undefined,
  blocked: false,
  excludedWorkers: undefined,
  avoid: undefined,
  maxWorkers: null,
  activeWorkers: 0,
  workerIsActive: false,
  machineLimit: undefined,
  unseenStorage: undefined,
}
const WORKER: WorkerFacts = {
  id: 7,
  status: 'awake',
  approved: true,
  statusRequested: null,
  kinds: ['blender'],
  tagIds: new Set(),
  machineId: null,
  freeSlots: 1,
}

describe('what keeps a worker from a task', () => {
  it.each<[string, Partial<TaskFacts>, Partial<WorkerFacts>, string | undefined]>([
    ['nothing', {}, {}, undefined],
    ['a kind that it does not know', {}, { kinds: ['ffmpeg'] }, 'kind'],
    ['a tag that it lacks', { tagId: 3 }, {}, 'tag'],
    ['no tag wanted, some had', {}, { tagIds: new Set([3]) }, undefined],
    ['a tag that it has', { tagId: 3 }, { tagIds: new Set([2, 3]) }, undefined],
    ['another tag than its own', { tagId: 3 }, { tagIds: new Set([2]) }, 'tag'],
    ['the blocklist', { blocked: true }, {}, 'blocked'],
    ['its own failure', { failedBy: new Set([7]) }, {}, 'failed-before'],
    ['the failure of another worker', { failedBy: new Set([8]) }, {}, undefined],
    ['a person who keeps it from the task', { excludedWorkers: new Set([7]) }, {}, 'kept-off'],
    ['a person who keeps another worker from it', { excludedWorkers: new Set([8]) }, {}, undefined],
    ['having lost it a moment ago', { avoid: { workerId: 7, until: NOW + 1 } }, {}, 'avoid'],
    ['having lost it a while ago', { avoid: { workerId: 7, until: NOW } }, {}, undefined],
    ['another worker having lost it', { avoid: { workerId: 8, until: NOW + 1 } }, {}, undefined],
    ['the maximum of workers', { maxWorkers: 2, activeWorkers: 2 }, {}, 'max-workers'],
    ['room under the maximum', { maxWorkers: 2, activeWorkers: 1 }, {}, undefined],
    ['being one of the maximum already', { maxWorkers: 2, activeWorkers: 2, workerIsActive: true }, {}, undefined],
    ['storage that it does not see', { unseenStorage: { path: '/mnt/projects', problem: 'ENOENT' } }, {}, 'storage'],
    ['a limit per machine', { machineLimit: 'nuke' }, {}, 'machine-limit'],
    ['waiting for approval', {}, { approved: false }, 'not-approved'],
    ['being asleep', {}, { status: 'asleep' }, 'not-awake'],
    ['a pending status request', {}, { statusRequested: 'asleep' }, 'status-requested'],
    ['being busy', {}, { freeSlots: 0 }, 'no-free-slot'],
  ])('%s', (_, task, worker, expected) => {
    expect(workerExclusion({ ...TASK, ...task }, { ...WORKER, ...worker }, NOW, true)).toBe(expected)
  })

  it('asks for state and slots only on request: the hand-out has its own check of them', () => {
    for (const worker of [{ approved: false }, { status: 'asleep' }, { statusRequested: 'asleep' }, { freeSlots: 0 }]) {
      expect(workerExclusion(TASK, { ...WORKER, ...worker }, NOW, false)).toBeUndefined()
    }
  })
})
