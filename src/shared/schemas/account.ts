/** Who may do what: users, tokens, keys, logins of the native API. Secrets are told once, when they are made. */
import { Type, type Static } from 'typebox'
import { Role, Scope } from '../enums.ts'
import { Id, Time, nullable } from './common.ts'

/** GET /whoami. */
export const Whoami = Type.Object({
  /** As it stands in owner fields and in the audit log: `local`, `token:ci`, `user:anna`. */
  actor: Type.String(),
  role: Role,
  scopes: Type.Array(Scope),
  /** How the caller was made out: loopback, token, key, login, open, ticket. */
  via: Type.String(),
})
export type Whoami = Static<typeof Whoami>

/** `token`: sent as `Authorization: Bearer`. `key`: put into an address, `/k/KEY/…`. */
export const TokenKind = Type.Union([Type.Literal('token'), Type.Literal('key')])
export const Token = Type.Object({
  id: Id,
  kind: TokenKind,
  name: Type.String(),
  /** The first characters of the secret, to tell tokens apart. */
  prefix: Type.String(),
  role: Role,
  scopes: Type.Array(Scope),
  /** The user whose it is; null for one of the farm's. */
  user: nullable(Type.String()),
  createdBy: Type.String(),
  createdAt: Time,
  expiresAt: nullable(Time),
  lastUsedAt: nullable(Time),
})
export type Token = Static<typeof Token>

/** POST /tokens. Nobody can hand out more than they may do themselves. */
export const NewToken = Type.Object(
  {
    kind: TokenKind,
    name: Type.String({ minLength: 1, maxLength: 100 }),
    role: Role,
    scopes: Type.Array(Scope, { minItems: 1, maxItems: 5 }),
    expiresAt: Type.Optional(nullable(Time)),
  },
  { additionalProperties: false },
)
/** The reply: the only time that the secret is told. */
export const CreatedToken = Type.Object({ ...Token.properties, secret: Type.String() })
export type CreatedToken = Static<typeof CreatedToken>

export const User = Type.Object({ id: Id, name: Type.String(), role: Role, disabled: Type.Boolean(), createdAt: Time })
export type User = Static<typeof User>

const UserName = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_.@-]+$' })
const Password = Type.String({ minLength: 8, maxLength: 200 })
/** POST /users. */
export const NewUser = Type.Object({ name: UserName, role: Role, password: Password }, { additionalProperties: false })
/** PATCH /users/{id}. */
export const UserPatch = Type.Object(
  {
    name: Type.Optional(UserName),
    role: Type.Optional(Role),
    password: Type.Optional(Password),
    /** Kept out: no login, and tokens in the user's name do not count. */
    disabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)
/** POST /password: one's own. */
export const PasswordChange = Type.Object({ current: Type.String({ maxLength: 200 }), password: Password }, { additionalProperties: false })

/** POST /login, for programs; the reply's token is sent as Bearer. */
export const Login = Type.Object(
  { name: Type.String({ maxLength: 200 }), password: Type.String({ maxLength: 200 }) },
  { additionalProperties: false },
)
export const LoginReply = Type.Object({ token: Type.String(), expiresAt: Time })

/** POST /session, for browsers: a login or a token, kept in a cookie that scripts of a page cannot read. */
export const SessionInput = Type.Union([
  Type.Object({ token: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
  Login,
])

/** POST /tickets: something short-lived for a query (`?ticket=…`). */
export const TicketInput = Type.Object(
  { kind: Type.Union([Type.Literal('media'), Type.Literal('events')]) },
  { additionalProperties: false },
)
export const Ticket = Type.Object({ ticket: Type.String(), expiresAt: Time })
