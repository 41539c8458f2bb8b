/** Permissions: users, tokens, keys, logins of the native API. A secret is shown only once, when it is created. */
import { Type, type Static } from 'typebox'
import { JobStatus, Role, Scope } from '../enums.ts'
import { Id, Time, nullable } from './common.ts'

/** GET /whoami. */
export const Whoami = Type.Object({
  /** The id that determines ownership, e.g. `local`, `user:…`, `token:…`. */
  id: Type.String(),
  /** A label for people: `local`, `token:ci`, `user:anna`. */
  actor: Type.String(),
  role: Role,
  scopes: Type.Array(Scope),
  /** How the caller was identified: loopback, token, key, login, open, ticket. */
  via: Type.String(),
})
export type Whoami = Static<typeof Whoami>

/** `token`: sent as `Authorization: Bearer`. `key`: put into an address, `/k/KEY/…`. */
export const TokenKind = Type.Union([Type.Literal('token'), Type.Literal('key')])
export const Token = Type.Object({
  id: Id,
  kind: TokenKind,
  name: Type.String(),
  /** The first characters of the secret, to distinguish tokens. */
  prefix: Type.String(),
  role: Role,
  scopes: Type.Array(Scope),
  /** The user that it belongs to; null for a token of the farm. */
  user: nullable(Type.String()),
  /** A label of its creator, and the id that counts. */
  createdBy: Type.String(),
  createdById: Type.String(),
  /** The token that created it, and with which it is revoked; null: created by a person or by the farm. */
  parentId: nullable(Id),
  /** How many tokens are revoked with it. */
  children: Type.Integer(),
  createdAt: Time,
  expiresAt: nullable(Time),
  lastUsedAt: nullable(Time),
})
export type Token = Static<typeof Token>

/** POST /tokens. A token cannot allow more than its creator may do, or outlive the creator's own token. */
export const NewToken = Type.Object(
  {
    kind: TokenKind,
    name: Type.String({ minLength: 1, maxLength: 100 }),
    role: Role,
    scopes: Type.Array(Scope, { minItems: 1, maxItems: 6 }),
    expiresAt: Type.Optional(nullable(Time)),
  },
  { additionalProperties: false },
)
/** The reply: the only one that contains the secret. */
export const CreatedToken = Type.Object({ ...Token.properties, secret: Type.String() })
export type CreatedToken = Static<typeof CreatedToken>

export const User = Type.Object({ id: Id, name: Type.String(), role: Role, disabled: Type.Boolean(), createdAt: Time })
export type User = Static<typeof User>

const UserName = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_.@-]+$' })
const Password = Type.String({ minLength: 8, maxLength: 200 })
/** What revoking a token or removing a user affects. Running jobs continue unless they are cancelled explicitly. */
export const Ending = Type.Object({
  /** Tokens and keys, excluding logins. */
  tokens: Type.Array(Type.Object({ id: Id, kind: TokenKind, name: Type.String() })),
  /** Unfinished jobs; at most 1,000. */
  jobs: Type.Array(Type.Object({ id: Id, name: Type.String(), status: JobStatus })),
})
export type Ending = Static<typeof Ending>
/** DELETE /tokens/{id}, /users/{id}. */
export const EndingQuery = Type.Object({
  /** What to do with the unfinished jobs: `cancel`; without it they continue. */
  jobs: Type.Optional(Type.Enum(['keep', 'cancel'])),
})

/** POST /users. */
export const NewUser = Type.Object({ name: UserName, role: Role, password: Password }, { additionalProperties: false })
/** PATCH /users/{id}. */
export const UserPatch = Type.Object(
  {
    name: Type.Optional(UserName),
    role: Type.Optional(Role),
    password: Type.Optional(Password),
    /** Blocked: no login, and the user's tokens are rejected. */
    disabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)
/** POST /password: changes the caller's own password. */
export const PasswordChange = Type.Object({ current: Type.String({ maxLength: 200 }), password: Password }, { additionalProperties: false })

/** POST /login, for programs; the reply's token is sent as Bearer. */
export const Login = Type.Object(
  { name: Type.String({ maxLength: 200 }), password: Type.String({ maxLength: 200 }) },
  { additionalProperties: false },
)
export const LoginReply = Type.Object({ token: Type.String(), expiresAt: Time })

/** POST /session, for browsers: a login or a token, stored in a cookie that a page's scripts cannot read. */
export const SessionInput = Type.Union([
  Type.Object({ token: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
  Login,
])

/** POST /tickets: a short-lived credential for a query (`?ticket=…`). */
export const TicketInput = Type.Object(
  { kind: Type.Union([Type.Literal('media'), Type.Literal('events')]) },
  { additionalProperties: false },
)
export const Ticket = Type.Object({ ticket: Type.String(), expiresAt: Time })
