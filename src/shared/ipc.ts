/**
 * What the window may ask of the desktop shell, and what the shell may tell the window: one map, so that main, preload
 * and renderer cannot disagree. Everything that a browser can do over HTTP is not here.
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
    /** Address as a person types it; empty: the manager of this program. */
    managerUrl: Type.String({ maxLength: 2000 }),
    /** Null: the token that is kept for the farm of now; empty: none. */
    token: Type.Union([Type.String({ maxLength: 4096 }), Type.Null()]),
  },
  { additionalProperties: false },
)
export const FarmCheck = Type.Object({
  /** `no-manager`: something else answers there; `refused`: the token is missing or not good enough. */
  state: Type.Enum(['ok', 'bad-address', 'unreachable', 'no-manager', 'refused']),
  /** Technical detail of what went wrong. */
  message: Type.String(),
  name: Type.String(),
  version: Type.String(),
  /** The address as it is kept. */
  managerUrl: Type.String(),
})
export type FarmCheck = Static<typeof FarmCheck>

const Nothing = Type.Null()

/** Request and reply of each call, by channel. */
export const SHELL_CALLS = {
  'shell:info': { request: Nothing, reply: ShellInfo },
  'shell:pick-file': { request: PickFileRequest, reply: Type.Union([Type.String(), Type.Null()]) },
  /** Opens a job's output folder in the file manager; refuses what is no folder. */
  'shell:open-folder': { request: OpenFolderRequest, reply: Type.Boolean() },
  'shell:preferences': { request: Nothing, reply: ShellPreferences },
  'shell:set-preferences': { request: ShellPreferences, reply: ShellPreferences },
  /** Checks the farm at an address; when it is fit (`ok`), the window moves there and the page of now ends. */
  'shell:use-farm': { request: UseFarmRequest, reply: FarmCheck },
} as const satisfies Record<string, { request: TSchema; reply: TSchema }>
export type ShellCall = keyof typeof SHELL_CALLS
export type ShellRequest<C extends ShellCall> = Static<(typeof SHELL_CALLS)[C]['request']>
export type ShellReply<C extends ShellCall> = Static<(typeof SHELL_CALLS)[C]['reply']>

/** Pushed by the shell to the window. */
export const SHELL_PUSHES = {
  /** Show this page: `/jobs/…`, from a deep link, the tray or a notification. */
  'push:navigate': Type.Object({ path: Type.String({ pattern: '^/', maxLength: 300 }) }),
  /** A menu entry or accelerator. */
  'push:command': Type.Object({ command: Type.Enum(['palette', 'submit', 'find', 'toggle-theme', 'shortcuts']) }),
} as const satisfies Record<string, TSchema>
export type ShellPush = keyof typeof SHELL_PUSHES
export type PushPayload<P extends ShellPush> = Static<(typeof SHELL_PUSHES)[P]>

/** A reply in an envelope: Electron flattens errors that are thrown across the bridge. */
export type ShellEnvelope<T> = { ok: true; value: T } | { ok: false; message: string }

/** What the preload script puts on `window.framehouse`. */
export interface FramehouseBridge {
  call<C extends ShellCall>(channel: C, request: ShellRequest<C>): Promise<ShellReply<C>>
  /** Returns how to stop listening. */
  on<P extends ShellPush>(channel: P, listener: (payload: PushPayload<P>) => void): () => void
  /** The path of a file that was dropped on the window; empty when it has none. */
  pathOf(file: File): string
}
