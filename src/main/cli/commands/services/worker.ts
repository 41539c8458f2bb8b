/** `framehouse worker`: runs tasks for a manager, ours or any Flamenco Manager. */
import { join, resolve } from 'node:path'
import { VERSION } from '../../../../shared/version.ts'
import type { WorkerConfig } from '../../../worker/config.ts'
import { DEFAULT_MANAGER } from '../../parsing/clientOptions.ts'
import { defineCommand, type Context } from '../../parsing/command.ts'
import { EXIT, FailedError, UsageError } from '../../errors.ts'
import type { ServiceLogger } from '../../services/logger.ts'
import { choice, flag, integer, keyValues, list, text, withDefault } from '../../parsing/options.ts'
import { DATA_OPTIONS, LOG_OPTIONS, WORKER_OPTIONS } from '../../parsing/serviceOptions.ts'
import { CONTAINER_OPTIONS, containerSettings } from '../../parsing/containerOptions.ts'
import { baseFolder, serviceLogger, stopAsked, workerData, workerName } from '../../parsing/serviceOptions.ts'
import { readJoinCode } from '../../../../shared/lan/joinCode.ts'
import { InvitationError, readInvitation, type Invitation } from '../../../worker/link/invitation.ts'
import { RESTART_EXIT_CODE, supervise, type WorkerNews } from '../../services/supervisor.ts'

/** A key in the address is a secret, and logs have many readers. */
const KEY_IN_PATH = /\/k\/[^/]+/

export const worker = defineCommand({
  path: ['worker'],
  summary: 'run tasks for a manager',
  details:
    'Connects to a Framehouse manager, or to any Flamenco Manager. Unless the manager trusts it, an administrator must approve it\n' +
    'once ("framehouse workers approve"). Stops cleanly on SIGTERM and Ctrl-C: running tasks are stopped and requeued.',
  examples: [
    'framehouse worker --manager http://farm:8080 --name rack-07',
    'framehouse worker --manager http://farm:8080/k/KEY/ --slots 4',
    'framehouse worker --manager https://farm:8443',
    'framehouse worker --join /etc/framehouse/farm.join',
  ],
  options: {
    manager: text('URL', `address of the manager (default: ${DEFAULT_MANAGER}; with --join: found on the network)`, {
      env: 'FRAMEHOUSE_MANAGER',
    }),
    join: text('CODE|FILE', 'join a farm without approval, with a code or file of its admin', {
      env: 'FRAMEHOUSE_JOIN',
      completes: 'file',
    }),
    fingerprint: text('SHA256', 'accept only this certificate from an https manager, also on the first connection', {
      env: 'FRAMEHOUSE_FINGERPRINT',
    }),
    'sign-in-key': text('HASH', 'ask for a sign-in with the token of this SHA-256 (base64url), too', {
      env: 'FRAMEHOUSE_SIGN_IN_KEY',
    }),
    ...DATA_OPTIONS,
    ...WORKER_OPTIONS,
    adapter: withDefault('auto', 'auto', choice(['auto', 'native', 'flamenco'], 'protocol of the manager')),
    kind: list('KIND', 'take only tasks of this kind'),
    program: keyValues('NAME=PATH', 'path of a program, e.g. blender=/opt/blender/blender'),
    'allow-folder': list('DIR', 'the manager may open files that jobs save in this folder, once an admin of the farm has allowed it', {
      completes: 'folder',
    }),
    nice: integer('N', 'nice value of the programs it runs, 0 to 19 (default: 10)', { min: 0, max: 19 }),
    'no-sessions': flag('run every task in a fresh process instead of keeping applications open between the tasks of a job'),
    'session-idle': integer('SECONDS', 'close an open application after this idle time (default: 60)', { min: 1, max: 86_400 }),
    'session-frames': integer('N', 'close an open application after this many frames (default: 250)', { min: 1, max: 1_000_000 }),
    'session-memory': integer('MIB', 'close an open application that uses more memory than this', { min: 1, max: 100_000_000 }),
    ...CONTAINER_OPTIONS,
    'can-restart': flag(
      `when the manager requests a restart, exit with status ${RESTART_EXIT_CODE} for a service manager (default: it restarts itself)`,
    ),
    ...LOG_OPTIONS,
  },
  async run(context, { options }) {
    // Loaded on demand: client commands must not wait for modules that only a worker needs.
    const { startWorker, DataFolderInUseError, WorkerConfigError } = await import('../../../worker/index.ts')
    const { workerParts } = await import('../../../worker/parts.ts')
    const log = serviceLogger(context, options)
    const name = workerName(options.name)
    const dataDir = options.data === undefined ? workerData(baseFolder(context), name) : resolve(context.cwd, options.data)
    const containers = await containerSettings(context, options)
    const managerUrl = options.manager ?? (options.join === undefined ? DEFAULT_MANAGER : '')
    const shared = {
      managerUrl,
      join: options.join === undefined ? undefined : await invitation(context, options.join),
      managerFingerprint: options.fingerprint,
      signInKey: options['sign-in-key'],
      programs: Object.fromEntries(options.program),
      nice: options.nice,
      folders: options['allow-folder'].map((folder) => resolve(context.cwd, folder)),
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
    log.info({ name, manager: managerUrl.replace(KEY_IN_PATH, '/k/…'), data: dataDir, slots: options.slots }, 'worker started')
    const stopTelling = tellParent(() => workers.reduce((sum, one) => sum + one.status().running.length, 0))
    const end = await Promise.race([...workers.map(({ ended }) => ended), stopAsked(context.signal).then(() => 'asked' as const)])
    await Promise.all(workers.map((running) => running.stop()))
    stopTelling()
    log.info({ name }, 'worker stopped')
    if (end !== 'restart') return EXIT.done
    return options['can-restart'] ? RESTART_EXIT_CODE : startAgain(context, log)
  },
})

/** @throws UsageError for a text that is neither a code nor a file */
function invitation({ cwd }: Context, given: string): Promise<Invitation> {
  return readInvitation(readJoinCode(given) ? given : resolve(cwd, given)).catch((error: unknown) => {
    throw error instanceof InvitationError ? new UsageError(error.message, '--join', ['worker']) : error
  })
}

const TELL_EVERY_MS = 1_000

/** Tells the program that supervises this one, if there is one, how many tasks run. @returns what ends it */
function tellParent(countRunning: () => number): () => void {
  if (!process.send) return () => undefined
  let told = 0
  const timer = setInterval(() => {
    const running = countRunning()
    if (running === told || !process.connected) return
    told = running
    process.send?.({ running } satisfies WorkerNews)
  }, TELL_EVERY_MS).unref()
  return () => clearInterval(timer)
}

/** Starts the program again, in its currently installed version, under the supervision of this process. Returns its final exit code. */
async function startAgain(context: Context, log: ServiceLogger): Promise<number> {
  const { program, env, now } = context
  const worker = supervise({ program, args: [...context.words, '--can-restart'], env, log, now })
  const end = await Promise.race([worker.ended, stopAsked(context.signal)])
  await worker.stop()
  return end?.exitCode ?? EXIT.done
}
