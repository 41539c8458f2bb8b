/**
 * The calls from the window to the desktop shell, and the messages from the shell to the window: one map, so that main, preload
 * and renderer cannot disagree. It contains nothing that a browser can do over HTTP.
 */
import { Type, type Static, type TSchema } from 'typebox'

export const FileFilter = Type.Object({
  name: Type.String(),
  extensions: Type.Array(Type.String({ pattern: '^[A-Za-z0-9*]{1,16}$' }), { maxItems: 32 }),
})
export type FileFilter = Static<typeof FileFilter>

export const PickFileRequest = Type.Object(
  { title: Type.String({ maxLength: 200 }), folder: Type.Boolean(), filters: Type.Array(FileFilter, { maxItems: 16 }) },
  { additionalProperties: false },
)
export const OpenFolderRequest = Type.Object({ path: Type.String({ minLength: 1, maxLength: 4096 }) }, { additionalProperties: false })
export const ShellPreferences = Type.Object(
  {
    startAtLogin: Type.Boolean(),
    /** Keep running in the tray when the window closes. */
    closeToTray: Type.Boolean(),
    notifyOnFinish: Type.Boolean(),
    notifyOnFailure: Type.Boolean(),
  },
  { additionalProperties: false },
)
export type ShellPreferences = Static<typeof ShellPreferences>
export const ShellInfo = Type.Object({
  version: Type.String(),
  platform: Type.String(),
  /** `here`: manager in this app; `elsewhere`: connected to another one. */
  mode: Type.Union([Type.Literal('here'), Type.Literal('elsewhere')]),
  managerUrl: Type.String(),
})
export type ShellInfo = Static<typeof ShellInfo>
export const UseFarmRequest = Type.Object(
  {
    /** Address as typed by the user; empty: the manager of this program. */
    managerUrl: Type.String({ maxLength: 2000 }),
    /** Null: the stored token of the current farm; empty: none. */
    token: Type.Union([Type.String({ maxLength: 4096 }), Type.Null()]),
  },
  { additionalProperties: false },
)
export const FarmCheck = Type.Object({
  /** `no-manager`: another server answers there; `refused`: the token is missing or insufficient. */
  state: Type.Enum(['ok', 'bad-address', 'unreachable', 'no-manager', 'refused']),
  /** Technical details of the failure. */
  message: Type.String(),
  name: Type.String(),
  version: Type.String(),
  /** The normalized address, as stored. */
  managerUrl: Type.String(),
})
export type FarmCheck = Static<typeof FarmCheck>

const Nothing = Type.Null()

/** Request and reply of each call, by channel. */
export const SHELL_CALLS = {
  'shell:info': { request: Nothing, reply: ShellInfo },
  'shell:pick-file': { request: PickFileRequest, reply: Type.Union([Type.String(), Type.Null()]) },
  /** Opens a job's output folder in the file manager; rejects anything that is not a folder. */
  'shell:open-folder': { request: OpenFolderRequest, reply: Type.Boolean() },
  'shell:preferences': { request: Nothing, reply: ShellPreferences },
  'shell:set-preferences': { request: ShellPreferences, reply: ShellPreferences },
  /** Checks the farm at an address; when it is usable (`ok`), the window loads it and the current page is closed. */
  'shell:use-farm': { request: UseFarmRequest, reply: FarmCheck },
} as const satisfies Record<string, { request: TSchema; reply: TSchema }>
export type ShellCall = keyof typeof SHELL_CALLS
export type ShellRequest<C extends ShellCall> = Static<(typeof SHELL_CALLS)[C]['request']>
export type ShellReply<C extends ShellCall> = Static<(typeof SHELL_CALLS)[C]['reply']>

/** Pushed by the shell to the window. */
export const SHELL_PUSHES = {
  /** Navigate to this page: `/jobs/…`, from a deep link, the tray or a notification. */
  'push:navigate': Type.Object({ path: Type.String({ pattern: '^/', maxLength: 300 }) }),
  /** A menu item or accelerator. */
  'push:command': Type.Object({ command: Type.Enum(['palette', 'submit', 'find', 'toggle-theme', 'shortcuts']) }),
} as const satisfies Record<string, TSchema>
export type ShellPush = keyof typeof SHELL_PUSHES
export type PushPayload<P extends ShellPush> = Static<(typeof SHELL_PUSHES)[P]>

/** A reply in an envelope: Electron flattens errors thrown across the bridge. */
export type ShellEnvelope<T> = { ok: true; value: T } | { ok: false; message: string }

/** The API that the preload script exposes as `window.framehouse`. */
export interface FramehouseBridge {
  call<C extends ShellCall>(channel: C, request: ShellRequest<C>): Promise<ShellReply<C>>
  /** Returns a function that removes the listener. */
  on<P extends ShellPush>(channel: P, listener: (payload: PushPayload<P>) => void): () => void
  /** The path of a file dropped on the window; empty when it has none. */
  pathOf(file: File): string
}
