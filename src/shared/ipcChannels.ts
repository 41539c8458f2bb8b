/** The names of the shell's channels, without their schemas: the preload script needs only the names and stays small. */
import type { ShellCall, ShellPush } from './ipc.ts'

export const CALL_CHANNELS = [
  'shell:info',
  'shell:pick-file',
  'shell:open-folder',
  'shell:preferences',
  'shell:set-preferences',
  'shell:farms',
  'shell:set-language',
  'shell:use-farm',
] as const satisfies readonly ShellCall[]
export const PUSH_CHANNELS = ['push:navigate', 'push:farms', 'push:sign-in', 'push:command'] as const satisfies readonly ShellPush[]
