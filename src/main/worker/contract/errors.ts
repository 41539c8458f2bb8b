/** Ways for an attempt to end that only the agent knows, not its commands. */
import { CommandError } from './commands.ts'

/** The worker returns the task (it shuts down or goes to sleep): not a failure, the manager requeues it. */
export class GivenBackError extends CommandError {
  readonly outcome = 'lost'
}
