/** `framehouse both`: a manager, and a worker for it on the same machine. */
import { defineCommand } from '../command.ts'
import { CONTAINER_OPTIONS, containerArguments, containerSettings } from '../containerOptions.ts'
import { EXIT, FailedError } from '../errors.ts'
import { openManager, tellAddress } from '../managerService.ts'
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
} from '../serviceOptions.ts'
import { superviseWorker } from '../workerService.ts'

export const both = defineCommand({
  path: ['both'],
  summary: 'run a manager and a worker on this machine',
  details:
    'The worker is a process of its own, started again when it dies. Programs on this machine need no token and the worker no\n' +
    'approval; other machines do, and reach the manager only when --listen names an address that they can see.',
  options: { ...MANAGER_OPTIONS, ...WORKER_OPTIONS, ...CONTAINER_OPTIONS, ...LOG_OPTIONS },
  async run(context, { options, json }) {
    const log = serviceLogger(context, options)
    // Wrong options are told here, before anything runs; the worker reads them itself.
    await containerSettings(context, options)
    const dataDir = managerData(context, options.data)
    const manager = await openManager({
      dataDir,
      address: listenAddress(options.listen),
      tls: tlsSetup(context, options),
      trustLoopback: true,
      log,
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
      const end = await Promise.race([worker.ended, stopAsked(context.signal)])
      if (end?.exitCode === EXIT.done && !context.signal.aborted) {
        log.info({}, 'the worker was shut down, the manager goes on; start anew to have both')
        await stopAsked(context.signal)
        return EXIT.done
      }
      await worker.stop()
      if (end && !context.signal.aborted) throw new FailedError(`the worker ended with status ${end.exitCode}`, 'worker-ended')
      return EXIT.done
    } finally {
      await manager.stop()
    }
  },
})
