/** `framehouse worker`: runs tasks for a manager, ours or any Flamenco Manager. */
import { join, resolve } from 'node:path'
import { VERSION } from '../../../shared/version.ts'
import type { WorkerConfig } from '../../worker/config.ts'
import { DEFAULT_MANAGER } from '../clientOptions.ts'
import { defineCommand, type Context } from '../command.ts'
import { EXIT, FailedError, UsageError } from '../errors.ts'
import type { ServiceLogger } from '../logger.ts'
import { choice, flag, integer, keyValues, list, text, textOr, withDefault } from '../options.ts'
import { DATA_OPTIONS, LOG_OPTIONS, WORKER_OPTIONS } from '../serviceOptions.ts'
import { CONTAINER_OPTIONS, containerSettings } from '../containerOptions.ts'
import { baseFolder, serviceLogger, stopAsked, workerData, workerName } from '../serviceOptions.ts'
import { RESTART_EXIT_CODE, supervise } from '../supervisor.ts'

/** A key in the address is a secret, and logs are read by many. */
const KEY_IN_PATH = /\/k\/[^/]+/

export const worker = defineCommand({
  path: ['worker'],
  summary: 'run tasks for a manager',
  details:
    'Connects to a Framehouse manager, or to any Flamenco Manager. Unless the manager trusts it, an administrator approves it\n' +
    'once ("framehouse workers approve"). Ends cleanly on SIGTERM and Ctrl-C: what it runs is stopped and given back.',
  examples: [
    'framehouse worker --manager http://farm:8080 --name rack-07',
    'framehouse worker --manager http://farm:8080/k/KEY/ --slots 4',
    'framehouse worker --manager https://farm:8443',
  ],
  options: {
    manager: textOr(DEFAULT_MANAGER, 'URL', 'address of the manager', { env: 'FRAMEHOUSE_MANAGER' }),
    fingerprint: text('SHA256', 'accept no other certificate of an https manager than this one, not at the first time either', {
      env: 'FRAMEHOUSE_FINGERPRINT',
    }),
    ...DATA_OPTIONS,
    ...WORKER_OPTIONS,
    adapter: withDefault('auto', 'auto', choice(['auto', 'native', 'flamenco'], 'what kind of manager it is')),
    kind: list('KIND', 'take only tasks of this kind'),
    program: keyValues('NAME=PATH', 'where a program is, e.g. blender=/opt/blender/blender'),
    nice: integer('N', 'lower priority of what it runs, 0 to 19 (10 without it)', { min: 0, max: 19 }),
    'no-sessions': flag('run every task in a fresh process instead of keeping applications open between the tasks of a job'),
    'session-idle': integer('SECONDS', 'close an open application when no task came for so long (60 without it)', { min: 1, max: 86_400 }),
    'session-frames': integer('N', 'close an open application after so many frames (250 without it)', { min: 1, max: 1_000_000 }),
    'session-memory': integer('MIB', 'close an open application that holds more memory than this', { min: 1, max: 100_000_000 }),
    ...CONTAINER_OPTIONS,
    'can-restart': flag(
      `when its manager asks for a restart, end with status ${RESTART_EXIT_CODE}, for what starts it again (else it does so itself)`,
    ),
    ...LOG_OPTIONS,
  },
  async run(context, { options }) {
    // Loaded only here: a client command does not wait for what only a worker needs.
    const { startWorker, DataFolderInUseError, WorkerConfigError } = await import('../../worker/index.ts')
    const { workerParts } = await import('../../worker/parts.ts')
    const log = serviceLogger(context, options)
    const name = workerName(options.name)
    const dataDir = options.data === undefined ? workerData(baseFolder(context), name) : resolve(context.cwd, options.data)
    const containers = await containerSettings(context, options)
    const shared = {
      managerUrl: options.manager,
      managerFingerprint: options.fingerprint,
      programs: Object.fromEntries(options.program),
      nice: options.nice,
      canRestart: true,
      sessions: !options['no-sessions'] && {
        idleSeconds: options['session-idle'],
        maxFrames: options['session-frames'],
        maxMemoryMb: options['session-memory'],
      },
    }
    const deps = { ...workerParts(), log, version: VERSION }
    const start = (config: WorkerConfig) =>
      startWorker(config, deps).catch((error: unknown) => {
        if (error instanceof WorkerConfigError) throw new UsageError(error.message, error.option, ['worker'])
        if (error instanceof DataFolderInUseError) throw new FailedError(error.message, 'in-use')
        throw error
      })
    const kinds = options.kind.length ? options.kind : undefined
    const workers = [await start({ ...shared, dataDir, name, slots: options.slots, adapter: options.adapter, kinds })]
    if (containers !== undefined) {
      const beside = {
        dataDir: join(dataDir, 'containers'),
        name: `${name}-containers`,
        slots: containers.slots,
        adapter: 'native' as const,
      }
      workers.push(
        await start({ ...shared, ...beside, containers: containers.config }).catch(async (error: unknown) => {
          await Promise.all(workers.map((running) => running.stop()))
          throw error
        }),
      )
    }
    log.info({ name, manager: options.manager.replace(KEY_IN_PATH, '/k/…'), data: dataDir, slots: options.slots }, 'worker started')
    const end = await Promise.race([...workers.map(({ ended }) => ended), stopAsked(context.signal).then(() => 'asked' as const)])
    await Promise.all(workers.map((running) => running.stop()))
    log.info({ name }, 'worker stopped')
    if (end !== 'restart') return EXIT.done
    return options['can-restart'] ? RESTART_EXIT_CODE : startAgain(context, log)
  },
})

/** The same program once more, as it is installed now, with this process as its keeper. Answers its exit code when it ends for good. */
async function startAgain(context: Context, log: ServiceLogger): Promise<number> {
  const { program, env, now } = context
  const worker = supervise({ program, args: [...context.words, '--can-restart'], env, log, now })
  const end = await Promise.race([worker.ended, stopAsked(context.signal)])
  await worker.stop()
  return end?.exitCode ?? EXIT.done
}
