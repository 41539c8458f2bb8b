/** All messages, by type. */
import { CHANNEL_MESSAGES } from './data/channels.ts'
import { FILE_MESSAGES } from './data/files.ts'
import type { Message } from './message.ts'
import { COLONY_MESSAGES } from './people/colonies.ts'
import { EXECUTOR_MESSAGES } from './people/executors.ts'
import { SERVER_MESSAGES } from './people/server.ts'
import { USER_MESSAGES } from './people/users.ts'
import { BLUEPRINT_MESSAGES } from './plans/blueprints.ts'
import { CRON_MESSAGES } from './plans/crons.ts'
import { NOTE_MESSAGES } from './work/notes.ts'
import { PROCESS_MESSAGES } from './work/processes.ts'
import { WORKFLOW_MESSAGES } from './work/workflows.ts'

export const MESSAGES: ReadonlyMap<string, Message> = new Map(
  [
    ...SERVER_MESSAGES,
    ...COLONY_MESSAGES,
    ...EXECUTOR_MESSAGES,
    ...USER_MESSAGES,
    ...PROCESS_MESSAGES,
    ...WORKFLOW_MESSAGES,
    ...NOTE_MESSAGES,
    ...CRON_MESSAGES,
    ...FILE_MESSAGES,
    ...CHANNEL_MESSAGES,
    ...BLUEPRINT_MESSAGES,
  ].map((message) => [message.type, message]),
)
