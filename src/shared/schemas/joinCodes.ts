/** Join codes and join files: how a machine joins a farm without a person who approves it. */
import { Type, type Static } from 'typebox'
import { Id, Time } from './common.ts'

export const JoinCode = Type.Object({
  id: Id,
  label: Type.String(),
  createdAt: Time,
  /** Who made it. */
  createdBy: Type.String(),
  expiresAt: Time,
  maxUses: Type.Integer(),
  uses: Type.Integer(),
  state: Type.Enum(['open', 'used', 'expired', 'revoked']),
})
export type JoinCode = Static<typeof JoinCode>

/** POST /join-codes */
export const JoinCodeInput = Type.Object(
  {
    /** What it is for, for people. */
    label: Type.Optional(Type.String({ maxLength: 100 })),
    /** How many machines may join with it; default 1. */
    maxUses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    /** How long it counts, in milliseconds; default one day, at most a year. */
    validMs: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 31_622_400_000 })),
  },
  { additionalProperties: false },
)

/** The content of a join file: what a worker needs to find the farm, to recognise it, and to be let in. A secret. */
export const JoinFile = Type.Object({
  framehouse: Type.Literal('join'),
  version: Type.Literal(1),
  farmId: Id,
  farmName: Type.String(),
  /** Encrypted addresses at which the farm was reached when the file was made; it is looked for where none of them answers. */
  urls: Type.Array(Type.String({ pattern: '^https://' }), { maxItems: 50 }),
  /** SHA-256 of the public key of the farm's authority, hex with colons. */
  authority: Type.String({ pattern: '^([0-9A-F]{2}:){31}[0-9A-F]{2}$' }),
  secret: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  expiresAt: Time,
})
export type JoinFile = Static<typeof JoinFile>

/** Shown only once. */
export const CreatedJoinCode = Type.Object({
  ...JoinCode.properties,
  /** 26 characters with dashes, for people. */
  code: Type.String(),
  file: JoinFile,
})
export type CreatedJoinCode = Static<typeof CreatedJoinCode>

export const JoinCodes = Type.Object({ items: Type.Array(JoinCode) })
export const JoinCodeParams = Type.Object({ joinCodeId: Id })
