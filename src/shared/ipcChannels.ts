/** The names of the shell's channels, apart from their schemas: the preload script needs the names only and stays small. */
import type { ShellCall, ShellPush } from './ipc.ts'

export const CALL_CHANNELS = [
  'shell:info',
  'shell:pick-file',
  'shell:open-folder',
  'shell:preferences',
  'shell:set-preferences',
  'shell:use-farm',
] as const satisfies readonly ShellCall[]
export const PUSH_CHANNELS = ['push:navigate', 'push:command'] as const satisfies readonly ShellPush[]
