/**
 * The farm's settings: one document in the database, edited through `/api/v1/settings` and shown to Flamenco clients as
 * `flamenco-manager.yaml` would be. Command-line options (data folder, listen address, local trust) are not here.
 * Durations are milliseconds; 0 switches off.
 */
import { Type, type Static } from 'typebox'
import { NotificationRules } from './notify.ts'

/** One value of a variable for an audience and platforms (Flamenco §5.8); `all` matches every one. */
export const VariableValue = Type.Object(
  {
    audience: Type.Optional(Type.Enum(['all', 'workers', 'users'])),
    platforms: Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { minItems: 1 }),
    value: Type.String({ maxLength: 4096 }),
  },
  { additionalProperties: false },
)
/** A name that stands for a path or program. Two-way: paths that start with one of its values are turned into `{name}` on submission, and must be absolute. */
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
    /** What Flamenco clients see as the Manager's version; the add-on refuses to submit to another version than its own. */
    flamencoVersion: Type.String({ minLength: 1, maxLength: 50, default: '3.9' }),
    /** Where jobs' files live, reachable by all workers; absolute. Empty: `<data>/storage`. */
    sharedStoragePath: Type.String({ maxLength: 4096, default: '' }),
    shamanEnabled: Type.Boolean({ default: true }),
    shamanGcPeriodMs: Type.Integer({ minimum: 0, default: 86_400_000 }),
    shamanGcMaxAgeMs: Type.Integer({ minimum: 0, default: 2_678_400_000 }),
    taskTimeoutMs: Type.Integer({ minimum: 0, default: 600_000 }),
    workerTimeoutMs: Type.Integer({ minimum: 0, default: 60_000 }),
    /** After a start of the manager nothing is timed out for this long: workers must have a chance to call. */
    timeoutGraceMs: Type.Integer({ minimum: 0, default: 300_000 }),
    blocklistThreshold: Type.Integer({ minimum: 0, default: 3 }),
    taskFailAfterSoftfailCount: Type.Integer({ minimum: 1, default: 3 }),
    /** How long a deleted job can be brought back. */
    undoPeriodMs: Type.Integer({ minimum: 0, default: 2_592_000_000 }),
    /** Jobs deleted through the Flamenco API skip the undo period there (the client expects them gone from its lists either way). */
    maxPendingWorkers: Type.Integer({ minimum: 1, default: 100 }),
    /** Lets Flamenco add-ons and workers of the LAN in without a key. */
    openToLan: Type.Boolean({ default: false }),
    /** Host names beyond its own addresses by which the manager may be called (reverse proxies). */
    allowedHosts: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 100, default: [] }),
    /** How often the manager makes a backup by itself; 0: never. */
    backupEveryMs: Type.Integer({ minimum: 0, default: 0 }),
    /** How many of those it keeps. */
    backupKeep: Type.Integer({ minimum: 1, maximum: 1000, default: 7 }),
    autodiscoverable: Type.Boolean({ default: true }),
    /** The address by which people reach this manager, for links in messages; empty: none are made. */
    publicUrl: Type.String({ maxLength: 2048, pattern: '^(https?://[^\\s]+)?$', default: '' }),
    /** The mail server. Without a host no mail is sent. */
    smtpHost: Type.String({ maxLength: 255, default: '' }),
    smtpPort: Type.Integer({ minimum: 1, maximum: 65_535, default: 587 }),
    /** `tls` from the first byte, `starttls` before anything is said, or `none`. */
    smtpSecurity: Type.Enum(['none', 'starttls', 'tls'], { default: 'starttls' }),
    smtpUser: Type.String({ maxLength: 255, default: '' }),
    /** Stored encrypted; replies show only whether there is one (see SECRET_SHOWN). */
    smtpPassword: Type.String({ maxLength: 4096, default: '' }),
    /** The sender: `farm@studio.example` or `The farm <farm@studio.example>`. */
    mailFrom: Type.String({ maxLength: 400, default: '' }),
    /** Whom to tell of every job of the farm. */
    notifications: Type.Unsafe<Static<typeof NotificationRules>>({ ...NotificationRules, default: [] }),
    /** Webhooks may call this machine itself and link-local addresses. */
    webhooksToLocal: Type.Boolean({ default: false }),
    webhookTimeoutMs: Type.Integer({ minimum: 100, maximum: 120_000, default: 10_000 }),
    /** Docker engines that get nothing new, as `host:port` or a socket's path. */
    dockerBlacklist: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { maxItems: 1_000, default: [] }),
    /** The Fastlane API: longest run of a container, and how automatic retries and webhook retries wait (first wait, then times the factor). */
    fastlaneMaxRunMs: Type.Integer({ minimum: 1_000, default: 1_800_000 }),
    fastlaneRetryMs: Type.Integer({ minimum: 0, default: 1_000 }),
    fastlaneRetryFactor: Type.Number({ minimum: 1, maximum: 100, default: 2 }),
    fastlaneWebhookRetryMs: Type.Integer({ minimum: 0, default: 5_000 }),
    fastlaneWebhookRetryFactor: Type.Number({ minimum: 1, maximum: 100, default: 2 }),
    /** When Fastlane's containers pull their image; one that cannot be pulled and is there already is used. */
    fastlanePull: Type.Enum(['always', 'missing', 'never'], { default: 'always' }),
    fastlanePageSize: Type.Integer({ minimum: 1, maximum: 1_000, default: 10 }),
    /** Values of environment variables and of webhook headers are hidden when their name contains one of these, separated by commas. */
    fastlaneHiddenWords: Type.String({ maxLength: 1_000, default: 'password,key,secret,client_id' }),
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

/** What a reply shows in place of a secret that is set; sending it back changes nothing. */
export const SECRET_SHOWN = '********'
