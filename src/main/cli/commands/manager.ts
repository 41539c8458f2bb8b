/** `framehouse manager`: jobs, queue and APIs. */
import { defineCommand } from '../command.ts'
import { EXIT } from '../errors.ts'
import { openManager, tellAddress } from '../managerService.ts'
import { LOG_OPTIONS, MANAGER_OPTIONS, listenAddress, managerData, serviceLogger, stopAsked, tlsSetup } from '../serviceOptions.ts'

export const manager = defineCommand({
  path: ['manager'],
  summary: 'run a manager: jobs, queue, REST APIs, web GUI',
  details:
    'Listens on this machine only until --listen names another address. Without --trust-loopback every caller needs a token.\n' +
    'Ends cleanly on SIGTERM and Ctrl-C. With --json the address is printed as {"url"} once it listens.\n' +
    "With --tls it listens for https as well and prints that address and its certificate's fingerprint, too.",
  examples: ['framehouse manager --data /srv/framehouse --listen 0.0.0.0:8080', 'framehouse manager --trust-loopback'],
  options: { ...MANAGER_OPTIONS, ...LOG_OPTIONS },
  async run(context, { options, json }) {
    const log = serviceLogger(context, options)
    const running = await openManager({
      dataDir: managerData(context, options.data),
      address: listenAddress(options.listen),
      tls: tlsSetup(context, options),
      trustLoopback: options['trust-loopback'],
      log,
    })
    tellAddress(context, running, json)
    await stopAsked(context.signal)
    await running.stop()
    return EXIT.done
  },
})
