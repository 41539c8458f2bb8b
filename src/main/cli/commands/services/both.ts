/** `framehouse both`: a manager and a worker on the same machine. */
import { defineCommand } from '../../parsing/command.ts'
import { CONTAINER_OPTIONS, containerArguments, containerSettings } from '../../parsing/containerOptions.ts'
import { EXIT, FailedError } from '../../errors.ts'
import { KnownFarms } from '../../services/knownFarms.ts'
import { openManager, tellAddress } from '../../services/managerService.ts'
import { RESTART_EXIT_CODE } from '../../services/supervisor.ts'
import {
  LOG_OPTIONS,
  MANAGER_OPTIONS,
  WORKER_OPTIONS,
  listenAddress,
  managerData,
  serviceLogger,
  stopAsked,
  tlsSetup,
  workerName,
} from '../../parsing/serviceOptions.ts'
import { superviseWorker } from '../../services/workerService.ts'

export const both = defineCommand({
  path: ['both'],
  summary: 'run a manager and a worker on this machine',
  details:
    'The worker runs in its own process and is restarted when it dies. Programs on this machine need no token and the worker no\n' +
    'approval; other machines need both, and can reach the manager only when --listen names a network address.',
  options: { ...MANAGER_OPTIONS, ...WORKER_OPTIONS, ...CONTAINER_OPTIONS, ...LOG_OPTIONS },
  async run(context, { options, json }) {
    const log = serviceLogger(context, options)
    // Validates the options before anything starts; the worker parses them itself.
    await containerSettings(context, options)
    const dataDir = managerData(context, options.data)
    const manager = await openManager({
      dataDir,
      address: listenAddress(options.listen),
      tls: tlsSetup(context, options),
      trustLoopback: true,
      log,
      known: new KnownFarms(context.env),
      beginsNew: options.new,
    })
    try {
      tellAddress(context, manager, json)
      const worker = superviseWorker(context, {
        managerUrl: manager.url,
        base: dataDir,
        name: workerName(options.name),
        slots: options.slots,
        moreArgs: containerArguments(context.cwd, options),
        logArgs: ['--log-level', options['log-level'], ...(options['log-json'] ? ['--log-json'] : [])],
        log,
      })
      const broken = manager.broken.then(() => 'broken' as const)
      const end = await Promise.race([worker.ended, stopAsked(context.signal), broken])
      if (end === 'broken') {
        await worker.stop()
        return RESTART_EXIT_CODE
      }
      if (end?.exitCode === EXIT.done && !context.signal.aborted) {
        log.info({}, 'the worker was shut down, the manager keeps running; run "framehouse both" again to start the worker')
        const isBroken = await Promise.race([stopAsked(context.signal).then(() => false), broken.then(() => true)])
        return isBroken ? RESTART_EXIT_CODE : EXIT.done
      }
      await worker.stop()
      if (end && !context.signal.aborted) throw new FailedError(`the worker ended with status ${end.exitCode}`, 'worker-ended')
      return EXIT.done
    } finally {
      await manager.stop()
    }
  },
})
