/** What a worker that was killed takes up again, from the files that it left; and when it asks for its next task. */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Assignment } from '../../../src/shared/schemas/agent.ts'
import type { AttemptDeps } from '../../../src/main/worker/attempt/attempt.ts'
import { StoppedError, type CommandContext } from '../../../src/main/worker/contract/commands.ts'
import { HttpClient } from '../../../src/main/worker/link/http.ts'
import { Journals } from '../../../src/main/worker/reporting/journal.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { AgentApi } from '../../../src/main/worker/adapters/native/agentApi.ts'
import { JobResults } from '../../../src/main/worker/adapters/native/results/jobResults.ts'
import { ResultsApi } from '../../../src/main/worker/adapters/native/results/resultsApi.ts'
import { CheckoutCopies } from '../../../src/main/worker/adapters/native/checkouts.ts'
import { HeldAttempts } from '../../../src/main/worker/adapters/native/heldAttempts.ts'
import { ReportLog } from '../../../src/main/worker/reporting/reportLog.ts'
import { tempFolder } from '../../support/commandContext.ts'

const FIRST = '00000001-1c3d-4e5f-8a9b-0c1d2e3f4a5b'
const SECOND = '00000002-1c3d-4e5f-8a9b-0c1d2e3f4a5b'
const THIRD = '00000004-1c3d-4e5f-8a9b-0c1d2e3f4a5b'

function assignment(taskId: string, changes: Partial<Assignment> = {}): Assignment {
  return {
    taskId,
    attempt: 1,
    jobId: '00000003-1c3d-4e5f-8a9b-0c1d2e3f4a5b',
    jobName: 'job',
    jobType: 'test',
    taskName: 'task',
    kind: 'test',
    commands: [{ name: 'go on', parameters: {}, totalStepCount: 1 }],
    stepsTotal: 1,
    maxRunMs: 0,
    maxSilenceMs: 0,
    ...changes,
  }
}

/** A worker's part for attempts, in this folder; `run`: what its one command does. */
async function part(folder: string, run: (context: CommandContext) => Promise<void>, now = Date.now) {
  const reportLog = await ReportLog.open({ directory: join(folder, 'outbox'), log: silentLogger })
  const journals = new Journals(folder, silentLogger)
  const deps: AttemptDeps = {
    registry: { find: () => (_command, context) => run(context), kinds: () => [], isResumable: () => true },
    processes: { starting() {}, started() {}, ended() {} },
    tools: { programs: {} },
    limits: { nice: 0, oomScoreAdjust: null },
    workRoot: folder,
    workerName: 'w',
    log: silentLogger,
    now,
  }
  const http = new HttpClient({ url: new URL('http://127.0.0.1:9'), userAgent: 'test' })
  const agentApi = new AgentApi(http)
  const checkouts = new CheckoutCopies(folder, agentApi, silentLogger)
  const storedFile = () => agentApi.file('', 0, AbortSignal.abort())
  const api = new ResultsApi(agentApi)
  const results = new JobResults({
    folder: join(folder, 'results'),
    api,
    reportLog,
    log: silentLogger,
    random: () => 0,
    isInUse: () => false,
  })
  const held = new HeldAttempts({
    capacity: 2,
    reportLog,
    deps,
    journals,
    checkouts,
    results,
    storedFile,
    onOutput() {},
    accepting: () => true,
    onEnded() {},
  })
  for (const journal of journals.load()) held.addInterrupted(journal)
  return { reportLog, journals, held }
}

it('counts as reported what the report log kept, also when those taken up first have reported more', async () => {
  const folder = await tempFolder()
  const before = await part(folder, async () => undefined)
  // The first entry reached the disk; the second one was lost with the worker.
  before.reportLog.append({ text: 'one' })
  for (const taskId of [FIRST, SECOND]) {
    const journal = before.journals.begin(assignment(taskId), 0)
    journal.at(0)
    journal.forCommand(0, () => Promise.resolve()).save({ of: taskId })
    journal.say(1, 'stdout', 'one\n')
    if (taskId === SECOND) journal.say(2, 'stdout', 'lost\n')
  }
  await before.reportLog.close()

  const said = new Map<string, unknown>()
  const after = await part(folder, async (context) => {
    said.set(context.task.taskId, context.journal?.earlier?.logged)
    context.log('stdout', 'more\n')
  })
  const fences = [FIRST, SECOND].map((taskId) => ({ taskId, attempt: 1 }))
  after.held.resume(fences)
  await after.held.idle()
  await after.reportLog.close()
  expect([...said]).toEqual([
    [FIRST, { stdout: 4, stderr: 0 }],
    [SECOND, { stdout: 4, stderr: 0 }],
  ])
})

it('goes on with the time limit of an attempt where it stood', async () => {
  const folder = await tempFolder()
  const before = await part(folder, async () => undefined)
  before.journals.begin(assignment(FIRST, { maxRunMs: 3_600_000 }), 1000).at(0)
  await before.reportLog.close()

  let reason: unknown
  const waiting = (context: CommandContext) =>
    new Promise<void>((_resolve, reject) => {
      context.signal.addEventListener('abort', () => {
        reason = context.signal.reason
        reject(context.signal.reason as Error)
      })
    })
  const after = await part(folder, waiting, () => 1000 + 3_600_000)
  after.held.resume([{ taskId: FIRST, attempt: 1 }])
  expect(after.held.running()).toMatchObject([{ taskId: FIRST, startedAt: 1000 }])
  await after.held.idle()
  await after.reportLog.close()
  expect(reason).toMatchObject({ outcome: 'timed-out', message: 'ran longer than 3600 s' })
})

it('asks for a next task with the report that tells of a beginning, not with the end that came before it', async () => {
  const folder = await tempFolder()
  const { held, reportLog } = await part(folder, (context) => new Promise((_resolve, reject) => onStop(context, reject)))
  held.start(assignment(FIRST))
  expect(held.wantsNext(reportLog.lastSeq)).toBe(false)
  const before = reportLog.lastSeq
  held.start(assignment(SECOND))
  expect([before, reportLog.lastSeq].map((seq) => held.wantsNext(seq))).toEqual([false, true])
  held.hold(undefined, before)
  expect(held.wantsNext(reportLog.lastSeq)).toBe(true)
  held.hold(assignment(THIRD), reportLog.lastSeq)
  expect(held.next.fence).toEqual({ taskId: THIRD, attempt: 1 })
  expect(held.wantsNext(reportLog.lastSeq)).toBe(false)
  held.stop({ taskId: FIRST, attempt: 1 }, new StoppedError('over'))
  await expect.poll(() => held.running().map(({ taskId }) => taskId)).toEqual([SECOND, THIRD])
  expect(held.freedBy(reportLog.lastSeq)).toBe(0)
  held.stopAll(() => new StoppedError('over'))
  await held.idle()
  await reportLog.close()
})

function onStop({ signal }: CommandContext, reject: (reason: unknown) => void): void {
  signal.addEventListener('abort', () => reject(signal.reason))
}
