/** Ways for an attempt to end that only the agent knows, not its commands. */
import { CommandError } from './commands/types.ts'

/** The worker gives the task back (it shuts down or goes to sleep): nobody's failure, the manager requeues it. */
export class GivenBackError extends CommandError {
  readonly outcome = 'lost'
}
