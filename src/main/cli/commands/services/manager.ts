/** `framehouse manager`: jobs, queue and APIs. */
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { KnownFarms } from '../../services/knownFarms.ts'
import { openManager, tellAddress } from '../../services/managerService.ts'
import { RESTART_EXIT_CODE } from '../../services/supervisor.ts'
import {
  COLONIES_OPTIONS,
  LOG_OPTIONS,
  MANAGER_OPTIONS,
  listenAddress,
  managerData,
  serviceLogger,
  stopAsked,
  tlsSetup,
} from '../../parsing/serviceOptions.ts'

export const manager = defineCommand({
  path: ['manager'],
  summary: 'run a manager: jobs, queue, REST APIs, web GUI',
  details:
    'Listens on this machine only, unless --listen names another address. Without --trust-loopback every caller needs a token.\n' +
    'Stops cleanly on SIGTERM and Ctrl-C, and with status 75 when its database is not writable and a restart may help. With --json it prints its address as {"url"} once it listens.\n' +
    "With --tls it also listens for https and prints that address with the certificate's fingerprint.",
  examples: ['framehouse manager --data /srv/framehouse --listen 0.0.0.0:8080', 'framehouse manager --trust-loopback'],
  options: { ...MANAGER_OPTIONS, ...COLONIES_OPTIONS, ...LOG_OPTIONS },
  async run(context, { options, json }) {
    const log = serviceLogger(context, options)
    const address = listenAddress(options.listen)
    const tls = tlsSetup(context, options)
    const coloniesDevKeys = options['colonies-dev-keys']
    const running = await openManager({
      dataDir: managerData(context, options.data),
      address,
      tls,
      trustLoopback: options['trust-loopback'],
      coloniesDevKeys,
      log,
      known: new KnownFarms(context.env),
      beginsNew: options.new,
    })
    tellAddress(context, running, json)
    const isBroken = await Promise.race([stopAsked(context.signal).then(() => false), running.broken.then(() => true)])
    await running.stop()
    // The service manager restarts the program, which fixes what a restart can fix.
    return isBroken ? RESTART_EXIT_CODE : EXIT.done
  },
})
