/** The shell's side of the bridge: every request is checked against its schema, and its sender against our own page. */
import { statSync } from 'node:fs'
import { dialog, ipcMain, shell, type BrowserWindow, type IpcMainInvokeEvent } from 'electron'
import { Value } from 'typebox/value'
import {
  SHELL_CALLS,
  type FarmCheck,
  type NearbyFarm,
  type ShellCall,
  type ShellEnvelope,
  type ShellInfo,
  type ShellPreferences,
  type ShellReply,
  type ShellRequest,
} from '../../shared/ipc.ts'

export interface ShellServices {
  /** Origin of our own page: only its requests are answered. */
  origin(): string
  window(): BrowserWindow | null
  info(): ShellInfo
  preferences(): ShellPreferences
  setPreferences(preferences: ShellPreferences): ShellPreferences
  /** Begins or ends to look for farms. */
  watchFarms(watch: boolean): NearbyFarm[]
  setLanguage(language: string): void
  useFarm(request: ShellRequest<'shell:use-farm'>): Promise<FarmCheck>
}

type Handlers = { [C in ShellCall]: (request: ShellRequest<C>) => Promise<ShellReply<C>> | ShellReply<C> }

export function registerIpc(services: ShellServices): void {
  const handlers: Handlers = {
    'shell:info': () => services.info(),
    'shell:pick-file': async ({ title, folder, filters }) => {
      const window = services.window()
      const options = { title, filters, properties: [folder ? ('openDirectory' as const) : ('openFile' as const)] }
      const picked = await (window ? dialog.showOpenDialog(window, options) : dialog.showOpenDialog(options))
      return picked.canceled ? null : (picked.filePaths[0] ?? null)
    },
    'shell:open-folder': async ({ path }) => {
      // A path comes from a job, so from anyone who may submit: it is opened only where it is a folder, never run.
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`${path} is not a folder that this machine can reach`)
      const problem = await shell.openPath(path)
      if (problem) throw new Error(problem)
      return true
    },
    'shell:preferences': () => services.preferences(),
    'shell:set-preferences': (preferences) => services.setPreferences(preferences),
    'shell:farms': ({ watch }) => services.watchFarms(watch),
    'shell:set-language': ({ language }) => {
      services.setLanguage(language)
      return true
    },
    'shell:use-farm': (request) => services.useFarm(request),
  }
  for (const channel of Object.keys(SHELL_CALLS) as ShellCall[]) {
    ipcMain.handle(channel, (event: IpcMainInvokeEvent, request: unknown) => answer(services, handlers, channel, event, request))
  }
}

async function answer(
  services: ShellServices,
  handlers: Handlers,
  channel: ShellCall,
  event: IpcMainInvokeEvent,
  request: unknown,
): Promise<ShellEnvelope<unknown>> {
  try {
    const sender = event.senderFrame?.url ?? ''
    const origin = services.origin()
    if (!origin || !sender.startsWith(`${origin}/`)) throw new Error('not from our page')
    if (!Value.Check(SHELL_CALLS[channel].request, request)) throw new Error(`${channel}: the request has the wrong shape`)
    // The check above is what makes the request fit its channel; the compiler cannot follow it through the map.
    const handle = handlers[channel] as (value: unknown) => unknown
    return { ok: true, value: await handle(request) }
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
}
