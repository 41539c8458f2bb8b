/**
 * The farm's settings: one document in the database, edited through `/api/v1/settings` and shown to Flamenco clients as
 * `flamenco-manager.yaml` would be. Dialects add their own settings (http/dialect.ts). Command-line options (data folder, listen address, local trust) are not included.
 * Durations are milliseconds; 0 disables.
 */
import { Type, type Static } from 'typebox'
import { NotificationRules } from './notify.ts'

/** One value of a variable for an audience and platforms (Flamenco §5.8); `all` matches every platform. */
export const VariableValue = Type.Object(
  {
    audience: Type.Optional(Type.Enum(['all', 'workers', 'users'])),
    platforms: Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { minItems: 1 }),
    value: Type.String({ maxLength: 4096 }),
  },
  { additionalProperties: false },
)
/** A name for a path or program. Two-way: on submission, paths that start with one of its values are converted to `{name}`; values must be absolute. */
export const Variable = Type.Object(
  {
    isTwoWay: Type.Boolean({ default: false }),
    values: Type.Array(VariableValue, { maxItems: 50 }),
  },
  { additionalProperties: false },
)
export type Variable = Static<typeof Variable>
export const Variables = Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_-]*$' }), Variable, { additionalProperties: false })
export type Variables = Static<typeof Variables>

export const FarmSettings = Type.Object(
  {
    managerName: Type.String({ minLength: 1, maxLength: 100, default: 'Framehouse' }),
    /** Where jobs' files are stored, reachable by all workers; absolute. Empty: `<data>/storage`. */
    sharedStoragePath: Type.String({ maxLength: 4096, default: '' }),
    shamanEnabled: Type.Boolean({ default: true }),
    shamanGcPeriodMs: Type.Integer({ minimum: 0, default: 86_400_000 }),
    shamanGcMaxAgeMs: Type.Integer({ minimum: 0, default: 2_678_400_000 }),
    /** Bytes that the file store may hold before files that no job needs are removed early; 0: no limit. */
    contentMaxBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
    /** People are asked before a job's files of more than this are sent to the manager; 0: never. */
    sendAskBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 10_737_418_240 }),
    /** Bytes that results may take below the manager's data folder; beyond it workers keep theirs and go on rendering. 0: no limit. */
    resultsMaxBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
    taskTimeoutMs: Type.Integer({ minimum: 0, default: 600_000 }),
    workerTimeoutMs: Type.Integer({ minimum: 0, default: 60_000 }),
    /** After the manager starts, nothing times out for this long, so that workers have a chance to call. */
    timeoutGraceMs: Type.Integer({ minimum: 0, default: 300_000 }),
    blocklistThreshold: Type.Integer({ minimum: 0, default: 3 }),
    taskFailAfterSoftfailCount: Type.Integer({ minimum: 1, default: 3 }),
    /** A task ends when its log reaches so many bytes, unless its job says otherwise (`maxLogBytes` of its policy). */
    maxLogBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
    /** Tasks fail when, for this long, every suitable worker has failed them, is blocked or is gone. */
    nobodyLeftMs: Type.Integer({ minimum: 0, default: 300_000 }),
    /** A worker that is offline for longer than this is gone: nothing waits for it. */
    workerGoneMs: Type.Integer({ minimum: 0, default: 900_000 }),
    /** How long to keep looking for a file that another machine wrote: caches of network disks show it late. */
    fileWaitMs: Type.Integer({ minimum: 0, maximum: 600_000, default: 60_000 }),
    /** How long a deleted job can be restored. */
    undoPeriodMs: Type.Integer({ minimum: 0, default: 2_592_000_000 }),
    /** Maximum number of workers waiting for approval: in total, and from one address. */
    maxPendingWorkers: Type.Integer({ minimum: 1, default: 100 }),
    maxPendingPerAddress: Type.Integer({ minimum: 1, default: 20 }),
    /** Admits Flamenco add-ons and workers on the LAN without a key. */
    openToLan: Type.Boolean({ default: false }),
    /** Host names, in addition to its own addresses, that the manager accepts (reverse proxies). */
    allowedHosts: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 100, default: [] }),
    /** Interval of automatic backups; 0: never. */
    backupEveryMs: Type.Integer({ minimum: 0, default: 0 }),
    /** How many of those to keep. */
    backupKeep: Type.Integer({ minimum: 1, maximum: 1000, default: 7 }),
    autodiscoverable: Type.Boolean({ default: true }),
    /** The address at which people reach this manager, for links in messages; empty: no links. */
    publicUrl: Type.String({ maxLength: 2048, pattern: '^(https?://[^\\s]+)?$', default: '' }),
    /** The mail server. Without a host no mail is sent. */
    smtpHost: Type.String({ maxLength: 255, default: '' }),
    smtpPort: Type.Integer({ minimum: 1, maximum: 65_535, default: 587 }),
    /** `tls` from the first byte, `starttls` (required), or `none`. */
    smtpSecurity: Type.Enum(['none', 'starttls', 'tls'], { default: 'starttls' }),
    smtpUser: Type.String({ maxLength: 255, default: '' }),
    /** Stored encrypted; replies reveal only whether there is one (see SECRET_SHOWN). */
    smtpPassword: Type.String({ maxLength: 4096, default: '' }),
    /** The sender: `farm@studio.example` or `The farm <farm@studio.example>`. */
    mailFrom: Type.String({ maxLength: 400, default: '' }),
    /** Who to notify about every job of the farm. */
    notifications: Type.Unsafe<Static<typeof NotificationRules>>({ ...NotificationRules, default: [] }),
    /** Who receives a mail when the manager's own disk or files have a problem; empty: the mail addresses of `notifications`. */
    alertMail: Type.String({ maxLength: 320, pattern: '^([^\\s@<>,;"]+@[^\\s@<>,;"]+)?$', default: '' }),
    /** Webhooks may call this machine itself and link-local addresses. */
    webhooksToLocal: Type.Boolean({ default: false }),
    webhookTimeoutMs: Type.Integer({ minimum: 100, maximum: 120_000, default: 10_000 }),
    /** Docker engines that get no new containers, as `host:port` or a socket's path. */
    dockerBlacklist: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { maxItems: 1_000, default: [] }),
    /** Values of environment variables and webhook headers are hidden when their name contains one of these comma-separated words. */
    hiddenWords: Type.String({ maxLength: 1_000, default: 'password,key,secret,client_id' }),
    variables: Type.Unsafe<Variables>({
      ...Variables,
      default: {
        blender: {
          isTwoWay: false,
          values: [
            { platforms: ['linux', 'darwin'], value: 'blender' },
            { platforms: ['windows'], value: 'blender.exe' },
          ],
        },
        blenderArgs: { isTwoWay: false, values: [{ platforms: ['all'], value: '-b -y' }] },
      },
    }),
  },
  { additionalProperties: false },
)
export type FarmSettings = Static<typeof FarmSettings>

/** Changes of settings: the farm's, and those of dialects, which define their own names. */
export type SettingsChanges = Partial<FarmSettings> & Readonly<Record<string, unknown>>

/** A reply with the settings, for clients that do not touch those of dialects. */
export const FarmSettingsReply = Type.Object(FarmSettings.properties)

/** What a reply contains in place of a secret that is set; sending it back leaves the secret unchanged. */
export const SECRET_SHOWN = '********'
