/** `framehouse worker`: runs tasks for a manager, ours or any Flamenco Manager. */
import { resolve } from 'node:path'
import { VERSION } from '../../../shared/version.ts'
import { DEFAULT_MANAGER } from '../clientOptions.ts'
import { defineCommand } from '../command.ts'
import { EXIT, FailedError, UsageError } from '../errors.ts'
import { choice, flag, integer, keyValues, list, textOr, withDefault } from '../options.ts'
import { DATA_OPTIONS, LOG_OPTIONS, WORKER_OPTIONS } from '../serviceOptions.ts'
import { baseFolder, serviceLogger, stopAsked, workerData, workerName } from '../serviceOptions.ts'
import { RESTART_EXIT_CODE } from '../supervisor.ts'

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
  ],
  options: {
    manager: textOr(DEFAULT_MANAGER, 'URL', 'address of the manager', { env: 'FRAMEHOUSE_MANAGER' }),
    ...DATA_OPTIONS,
    ...WORKER_OPTIONS,
    adapter: withDefault('auto', 'auto', choice(['auto', 'native', 'flamenco'], 'what kind of manager it is')),
    kind: list('KIND', 'take only tasks of this kind'),
    program: keyValues('NAME=PATH', 'where a program is, e.g. blender=/opt/blender/blender'),
    nice: integer('N', 'lower priority of what it runs, 0 to 19 (10 without it)', { min: 0, max: 19 }),
    'can-restart': flag(`something starts it again when it ends with status ${RESTART_EXIT_CODE} because the manager asked for a restart`),
    ...LOG_OPTIONS,
  },
  async run(context, { options }) {
    // Loaded only here: a client command does not wait for what only a worker needs.
    const { startWorker, DataFolderInUseError, WorkerConfigError } = await import('../../worker/index.ts')
    const { workerParts } = await import('../../worker/parts.ts')
    const log = serviceLogger(context, options)
    const name = workerName(options.name)
    const dataDir = options.data === undefined ? workerData(baseFolder(context), name) : resolve(context.cwd, options.data)
    const running = await startWorker(
      {
        managerUrl: options.manager,
        dataDir,
        name,
        slots: options.slots,
        adapter: options.adapter,
        kinds: options.kind.length ? options.kind : undefined,
        programs: Object.fromEntries(options.program),
        nice: options.nice,
        canRestart: options['can-restart'],
      },
      { ...workerParts(), log, version: VERSION },
    ).catch((error: unknown) => {
      if (error instanceof WorkerConfigError) throw new UsageError(error.message, error.option, ['worker'])
      if (error instanceof DataFolderInUseError) throw new FailedError(error.message, 'in-use')
      throw error
    })
    log.info({ name, manager: options.manager.replace(KEY_IN_PATH, '/k/…'), data: dataDir, slots: options.slots }, 'worker started')
    const end = await Promise.race([running.ended, stopAsked(context.signal).then(() => 'asked' as const)])
    if (end === 'asked') await running.stop()
    log.info({ name }, 'worker stopped')
    return end === 'restart' ? RESTART_EXIT_CODE : EXIT.done
  },
})
