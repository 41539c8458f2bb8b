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
/**
 * The one choice of the window: `here` manages a farm in this program; `work` renders for a farm elsewhere and shows it; `look` only
 * shows it.
 */
export const WindowMode = Type.Union([Type.Literal('here'), Type.Literal('work'), Type.Literal('look')])
export type WindowMode = Static<typeof WindowMode>
/** A sign-in that this window asks a farm for (docs/security.md). */
export const SignInFacts = Type.Object({
  state: Type.Enum(['waiting', 'granted', 'refused', 'unknown']),
  /** Whether the farm approved the worker of this machine. */
  approved: Type.Boolean(),
})
export type SignInFacts = Static<typeof SignInFacts>
export const ShellInfo = Type.Object({
  version: Type.String(),
  platform: Type.String(),
  mode: WindowMode,
  /** False: the choice is not made yet. */
  chosen: Type.Boolean(),
  managerUrl: Type.String(),
  farmName: Type.String(),
  /** SHA-256 of the key of the farm's authority that this window trusts, hex with colons; empty: none. */
  authority: Type.String(),
  /** By what the farm's approver recognises who asks: this machine's worker. */
  workerName: Type.String(),
  /** Null: this window asks for none. */
  signIn: Type.Union([SignInFacts, Type.Null()]),
})
export type ShellInfo = Static<typeof ShellInfo>
export const UseFarmRequest = Type.Object(
  {
    mode: WindowMode,
    /** Unless `here`: address, join code, or whole path of a join file, as typed by the user. */
    farm: Type.String({ maxLength: 4096 }),
    /** The authority that the farm's announcement names, hex with colons; empty: whatever the farm proves. */
    authority: Type.String({ maxLength: 100 }),
    /** Null: the stored token of this farm; empty: none. */
    token: Type.Union([Type.String({ maxLength: 4096 }), Type.Null()]),
  },
  { additionalProperties: false },
)
export const FarmCheck = Type.Object({
  /**
   * `bad-address`: neither address nor code nor file. `no-manager`: another server answers there. `refused`: the token is missing or
   * insufficient. `not-found`: the farm of the code answers nowhere. `not-proven`: no authority vouches for its certificate.
   * `other-farm`: another authority vouches for it than for the farm that is meant.
   */
  state: Type.Enum(['ok', 'bad-address', 'unreachable', 'no-manager', 'refused', 'not-found', 'not-proven', 'other-farm']),
  /** Technical details of the failure. */
  message: Type.String(),
  name: Type.String(),
  /** The normalized address, as stored. */
  managerUrl: Type.String(),
})
export type FarmCheck = Static<typeof FarmCheck>
/** A farm that announces itself on the network. The list proves nothing. */
export const NearbyFarm = Type.Object({
  farmId: Type.String(),
  name: Type.String(),
  version: Type.String(),
  owner: Type.String(),
  machine: Type.String(),
  authority: Type.String(),
  /** The best first: encrypted, and on the studio's own network. Never with a zone. */
  urls: Type.Array(Type.String()),
  /** Milliseconds until its first address accepts a connection; null: it does not. */
  latencyMs: Type.Union([Type.Number(), Type.Null()]),
  /** `own`: of this program. `current`: the window shows it. `impostor`: it has the id of a farm that this window knows, and not its authority. */
  standing: Type.Enum(['own', 'current', 'impostor', 'other']),
})
export type NearbyFarm = Static<typeof NearbyFarm>
export const WatchFarms = Type.Object({ watch: Type.Boolean() }, { additionalProperties: false })
export const SetLanguage = Type.Object({ language: Type.String({ pattern: '^[a-z]{2}$' }) }, { additionalProperties: false })

const Nothing = Type.Null()

/** Request and reply of each call, by channel. */
export const SHELL_CALLS = {
  'shell:info': { request: Nothing, reply: ShellInfo },
  'shell:pick-file': { request: PickFileRequest, reply: Type.Union([Type.String(), Type.Null()]) },
  /** Opens a job's output folder in the file manager; rejects anything that is not a folder. */
  'shell:open-folder': { request: OpenFolderRequest, reply: Type.Boolean() },
  'shell:preferences': { request: Nothing, reply: ShellPreferences },
  'shell:set-preferences': { request: ShellPreferences, reply: ShellPreferences },
  /** Begins or ends to look for farms on the network; `push:farms` tells when the list changes. */
  'shell:farms': { request: WatchFarms, reply: Type.Array(NearbyFarm) },
  /** The language of menus, tray and native dialogs. */
  'shell:set-language': { request: SetLanguage, reply: Type.Boolean() },
  /** Checks a farm; when it is usable (`ok`), the window loads it and the current page is closed. */
  'shell:use-farm': { request: UseFarmRequest, reply: FarmCheck },
} as const satisfies Record<string, { request: TSchema; reply: TSchema }>
export type ShellCall = keyof typeof SHELL_CALLS
export type ShellRequest<C extends ShellCall> = Static<(typeof SHELL_CALLS)[C]['request']>
export type ShellReply<C extends ShellCall> = Static<(typeof SHELL_CALLS)[C]['reply']>

/** Pushed by the shell to the window. */
export const SHELL_PUSHES = {
  /** Navigate to this page: `/jobs/…`, from a deep link, the tray or a notification. */
  'push:navigate': Type.Object({ path: Type.String({ pattern: '^/', maxLength: 300 }) }),
  'push:farms': Type.Array(NearbyFarm),
  'push:sign-in': SignInFacts,
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
