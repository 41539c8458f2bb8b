/** Everything that the messages of this dialect work with. */
import type { ServerContext } from '../../http/context.ts'
import { Blueprints } from './blueprints/blueprints.ts'
import { Channels } from './channels/channels.ts'
import { Notes } from './notes/notes.ts'
import { Executors } from './people/executors.ts'
import { Registry } from './people/registry.ts'
import { Roles } from './people/roles.ts'
import { ServerOwner } from './people/serverOwner.ts'
import { Assigning } from './processes/assigning.ts'
import { Ending } from './processes/ending.ts'
import { Growth } from './processes/growth.ts'
import { Processes } from './processes/processes.ts'
import { Queues } from './processes/queues.ts'
import { Removal } from './processes/removal.ts'
import { ReadAhead } from './processes/jobs/readAhead.ts'
import { SharedJobs } from './processes/jobs/sharedJobs.ts'
import { Submission } from './processes/submission.ts'
import { Functions } from './processes/functions.ts'
import { Listeners } from './processes/listeners.ts'
import { Watching } from './processes/watching.ts'
import { Crons } from './schedules/crons.ts'
import { Generators } from './schedules/generators.ts'

export interface Service {
  readonly context: ServerContext
  readonly owner: ServerOwner
  readonly registry: Registry
  readonly roles: Roles
  readonly executors: Executors
  readonly processes: Processes
  readonly submission: Submission
  readonly growth: Growth
  readonly assigning: Assigning
  readonly ending: Ending
  readonly removal: Removal
  readonly functions: Functions
  readonly notes: Notes
  readonly watching: Watching
  readonly listeners: Listeners
  readonly channels: Channels
  readonly crons: Crons
  readonly generators: Generators
  readonly blueprints: Blueprints
}

export async function openService(context: ServerContext): Promise<Service> {
  const owner = new ServerOwner(context)
  const registry = await Registry.load(context)
  const queues = await Queues.load(context)
  const roles = new Roles(registry, () => owner.id)
  const executors = new Executors(context, registry, queues)
  const processes = new Processes(context, registry, roles)
  const sharedJobs = await SharedJobs.load(context)
  const readAhead = new ReadAhead(context.read)
  const submission = new Submission(context, queues, sharedJobs)
  const functions = await Functions.load(context)
  const watching = new Watching(context.farm)
  const channels = new Channels(context, processes, watching)
  await channels.recover()
  const crons = await Crons.load(context, registry, submission)
  return {
    context,
    owner,
    registry,
    roles,
    executors,
    processes,
    submission,
    growth: new Growth(context, submission, processes),
    assigning: new Assigning(context, queues, processes, readAhead),
    ending: new Ending(context, registry, processes, functions),
    removal: new Removal(context, { registry, queues, executors, crons, sharedJobs, readAhead }),
    functions,
    notes: new Notes(context),
    watching,
    listeners: new Listeners(context, processes, watching),
    channels,
    crons,
    generators: new Generators(context, registry, submission),
    blueprints: new Blueprints(context, submission, crons),
  }
}
