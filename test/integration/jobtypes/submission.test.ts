/** Submissions through the real catalog into a real farm and its database. */
import { ownFolder, rootFor } from '../../../src/main/files/results/places.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { InvalidInputError, JobTypeChangedError, NotFoundError } from '../../../src/main/engine/base/errors.ts'
import type { JobState } from '../../../src/main/engine/base/model.ts'
import { createTextExpander, valuesToVariables } from '../../../src/main/engine/compile/variables.ts'
import { declaredRoots } from '../../../src/main/files/roots/rootPaths.ts'
import { ClaimBook } from '../../../src/main/jobtypes/submission/claimBook.ts'
import { createSubmission, type Submission, type SubmissionInput } from '../../../src/main/jobtypes/submission/submission.ts'
import { SettingsError } from '../../../src/main/jobtypes/submission/settings.ts'
import { createSandbox, type Sandbox } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import type { FarmSettings } from '../../../src/shared/schemas/settings.ts'
import { TestFarm } from '../../support/testFarm.ts'
import { claimHolders } from '../../../src/main/store/outputClaims.ts'
import { createScriptHome, scriptOf, type ScriptHome } from './support.ts'

const JOB_ID = '11112222-3333-4444-8555-666677778888'
const HOST = { platform: 'linux', storagePath: '/shared/flamenco' }
const VARIABLES: FarmSettings['variables'] = {
  shared: {
    isTwoWay: true,
    values: [
      { platforms: ['linux'], value: '/mnt/shared' },
      { platforms: ['windows'], value: 'S:\\' },
    ],
  },
}
const SETTINGS = `[
  { key: 'frames', type: 'string', required: true },
  { key: 'chunk_size', type: 'int32', default: 2, propargs: { min: 1 } },
  { key: 'render_output_path', type: 'string' },
  { key: 'hidden', type: 'string', visible: 'hidden', required: true, default: 'h' },
]`

let sandbox: Sandbox
let home: ScriptHome
let test: TestFarm
let submission: Submission

beforeAll(() => {
  sandbox = createSandbox({ log: silentLogger })
})
afterAll(() => sandbox.stop())

beforeEach(async () => {
  home = await createScriptHome({ sandbox })
  await home.write(
    'render.js',
    scriptOf(
      `
    for (const chunk of frameChunker(job.settings.frames, job.settings.chunk_size)) {
      const task = author.Task('render ' + chunk, 'misc')
      task.addCommand(author.Command('echo', { message: job.jobID + ' ' + chunk }, frameCount(chunk)))
      job.addTask(task)
    }
    job.settings.seen = [job.created.getTime(), job.workerTagUUID, job.storage.shamanCheckoutID, job.metadata.path || '']`,
      SETTINGS,
    ),
  )
  test = await TestFarm.open({ variables: VARIABLES, taskFailAfterSoftfailCount: 5, blocklistThreshold: 7, taskTimeoutMs: 1234 })
  submission = createSubmission({
    catalog: home.catalog,
    farm: test.farm,
    settings: { current: () => test.settings },
    variables: {
      fromValues: (values, platform) => valuesToVariables(values, test.settings, platform, HOST),
      toValue: (text) => createTextExpander(test.settings, 'workers', HOST.platform, HOST)(text),
      roots: (paths) => declaredRoots(paths, test.settings, HOST),
    },
    uploads: { idIn: () => undefined },
    results: RESULTS,
    claims: claimsOf(),
    now: () => test.time,
    randomUuid: () => JOB_ID,
  })
})
afterEach(async () => {
  await test.close()
  await home.close()
})

const BASES = { own: '/data/results', shared: ['/mnt/farm'] }
const RESULTS = {
  own: BASES.own,
  folder: (job: { name: string; publicId: string }) => ownFolder(BASES, job),
  rootFor: (output: string | null, folder: string) => rootFor(output, folder, BASES),
}

function input(changes: Partial<SubmissionInput> = {}): SubmissionInput {
  return {
    origin: 'native',
    owner: 'anna',
    ownerId: 'user:anna',
    adminRights: false,
    submittedWith: '',
    name: 'A job',
    type: 'render',
    settings: { frames: '1-5' },
    ...changes,
  }
}

interface JobRow {
  settings: string
  metadata: string
  output_dir: string | null
  owner: string
  project: string
}

async function stored(job: JobState): Promise<JobRow & { parsed: Record<string, unknown> }> {
  const row = await test.opened.read.get<JobRow>('select settings, metadata, output_dir, owner, project from jobs where id = ?', [job.id])
  if (row === undefined) throw new Error('the job is not stored')
  return { ...row, parsed: JSON.parse(row.settings) as Record<string, unknown> }
}

describe('submit', () => {
  it('stores the job with its tasks, defaults and the farm’s failure policy', async () => {
    const job = await submission.submit(input())
    expect(job).toMatchObject({
      publicId: JOB_ID,
      type: 'render',
      status: 'queued',
      priority: 50,
      taskCount: 3,
      stepsTotal: 5,
      owner: 'anna',
      createdAt: test.time,
    })
    expect(job.policy).toMatchObject({
      failAfterWorkers: 5,
      blockAfterFailures: 7,
      touchTimeoutMs: 1234,
      failJobAtPercent: 10,
      successExitCodes: [0],
    })
    expect((await stored(job)).parsed).toEqual({ frames: '1-5', chunk_size: 2, hidden: 'h', seen: [test.time, '', '', ''] })
    const tasks = await test.opened.read.all<{ name: string }>('select name from tasks where job_id = ? order by idx', [job.id])
    expect(tasks.map(({ name }) => name)).toEqual(['render 1,2', 'render 3,4', 'render 5'])
  })

  it('hands on what the submitter chose', async () => {
    const tag = await test.farm.tags.create({ name: 'gpu' })
    await test.farm.limits.create({ name: 'houdini', max: 2 })
    const first = await submission.submit(input())
    test.time += 1000
    const other = createSubmission({ ...partsOf(), randomUuid: () => '21112222-3333-4444-8555-666677779999' })
    const job = await other.submit(
      input({
        priority: 80,
        paused: true,
        tag: tag.publicId,
        maxWorkers: 3,
        startAfter: '2026-02-01T00:00:00Z',
        dependsOn: [first.publicId],
        limits: ['houdini'],
        policy: { maxRunMs: 60_000, failAfterWorkers: 1 },
        project: 'Sprite',
        checkoutId: 'sprite/shot',
      }),
    )
    expect(job).toMatchObject({
      status: 'paused',
      priority: 80,
      maxWorkers: 3,
      startAfter: Date.UTC(2026, 1, 1),
      unmetJobs: 1,
      project: 'Sprite',
    })
    expect(job.policy).toMatchObject({ maxRunMs: 60_000, failAfterWorkers: 1, blockAfterFailures: 7 })
    expect((await stored(job)).parsed['seen']).toEqual([test.time, tag.publicId, 'sprite/shot', ''])
  })

  it('replaces two-way variables before anything else looks at the values', async () => {
    const job = await submission.submit(
      input({
        settings: { frames: '1', render_output_path: 'S:/shot/####' },
        metadata: { path: 's:\\project', project: 'Sprite' },
        submitterPlatform: 'windows',
      }),
    )
    const row = await stored(job)
    expect(row.parsed).toMatchObject({ render_output_path: expect.stringContaining('{shared}') as string })
    expect(JSON.parse(row.metadata)).toMatchObject({ path: expect.stringContaining('{shared}') as string })
    expect(row.parsed['seen']).toContainEqual(expect.stringContaining('{shared}'))
    expect(row).toMatchObject({ output_dir: '/mnt/shared/shot', project: 'Sprite' })
  })

  it('an etag that fits or is empty is let through, another one is not', async () => {
    const { etag } = await home.catalog.get('render')
    await expect(submission.submit(input({ typeEtag: 'something else' }))).rejects.toThrow(JobTypeChangedError)
    await expect(submission.check(input({ typeEtag: '' }))).resolves.toMatchObject({ taskCount: 3 })
    await expect(submission.submit(input({ typeEtag: etag }))).resolves.toMatchObject({ taskCount: 3 })
  })

  it.each<[string, Partial<SubmissionInput>, new (...args: never[]) => Error, string | undefined]>([
    ['an unknown type', { type: 'nothing' }, NotFoundError, undefined],
    ['a missing setting', { settings: {} }, SettingsError, 'settings.frames'],
    ['a misspelt setting', { settings: { frames: '1', chunksize: 2 } }, SettingsError, 'settings.chunksize'],
    ['a setting of the wrong type', { settings: { frames: 1 } }, SettingsError, 'settings.frames'],
    ['frames that are none', { settings: { frames: 'all' } }, InvalidInputError, 'settings'],
    ['a time that is none', { startAfter: 'tomorrow' }, InvalidInputError, 'startAfter'],
    ['an unknown limit', { limits: ['nuke'] }, InvalidInputError, undefined],
  ])('%s is refused and nothing is stored', async (_name, changes, type, field) => {
    const error: unknown = await submission.submit(input(changes)).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(type)
    if (field !== undefined) expect(error).toMatchObject({ field })
    expect(await test.opened.read.get('select count(*) as jobs from jobs')).toEqual({ jobs: 0 })
  })

  it('tells everything that is wrong with the settings at once', async () => {
    await expect(submission.submit(input({ settings: { chunk_size: 0, frame: '1' } }))).rejects.toThrow(
      'settings.chunk_size must be at least 1, not 0; ' +
        'settings.frame is not a setting of this job type; did you mean "frames"?; settings.frames is required',
    )
  })

  it('takes settings of its own from a Flamenco client, and still checks types', async () => {
    const job = await submission.submit(
      input({ origin: 'flamenco', lenient: true, settings: { frames: '1', own_key: [1] }, initialStatus: 'paused' }),
    )
    expect(job.status).toBe('paused')
    expect((await stored(job)).parsed).toMatchObject({ own_key: [1], hidden: 'h' })
    await expect(
      submission.submit(input({ origin: 'flamenco', lenient: true, settings: { frames: '1', chunk_size: 'x' } })),
    ).rejects.toMatchObject({
      field: 'settings.chunk_size',
    })
  })
})

describe('check', () => {
  it('says what would be authored and stores nothing', async () => {
    expect(await submission.check(input())).toEqual({
      settings: { frames: '1-5', chunk_size: 2, hidden: 'h', seen: [test.time, '', '', ''] },
      taskCount: 3,
      sharedOutput: null,
      tasks: [
        { name: 'render 1,2', kind: 'misc' },
        { name: 'render 3,4', kind: 'misc' },
        { name: 'render 5', kind: 'misc' },
      ],
    })
    expect(await test.opened.read.get('select count(*) as jobs from jobs')).toEqual({ jobs: 0 })
  })

  it('shows the first thousand of many tasks', async () => {
    const checked = await submission.check(input({ settings: { frames: '1-5000', chunk_size: 1 } }))
    expect([checked.taskCount, checked.tasks.length, checked.tasks[999]?.name]).toEqual([5000, 1000, 'render 1000'])
  })
})

function claimsOf(): Parameters<typeof createSubmission>[0]['claims'] {
  return {
    book: new ClaimBook(
      (key) => claimHolders(test.opened.read, key),
      () => test.time,
    ),
    realFolder: (path) => Promise.resolve(path),
  }
}

function partsOf(): Parameters<typeof createSubmission>[0] {
  return {
    catalog: home.catalog,
    farm: test.farm,
    settings: { current: () => test.settings },
    variables: { fromValues: (values) => values, toValue: (text) => text, roots: () => ({ roots: [] }) },
    uploads: { idIn: () => undefined },
    results: RESULTS,
    claims: claimsOf(),
    now: () => test.time,
    randomUuid: () => JOB_ID,
  }
}
