/** Where the manager listens: a list of address, port, transport and the APIs that it serves there. */
import { Type, type Static } from 'typebox'

/** Every address of the machine, IPv4 and IPv6. */
export const ALL_ADDRESSES = '*'

export const Listener = Type.Object(
  {
    /** An address of the machine, a host name that means one, or `*`: all of them. */
    address: Type.String({ minLength: 1, maxLength: 255, pattern: '^(\\*|[0-9A-Za-z.:_-]+)$' }),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    /** Encrypted with the farm's certificate; false: plain HTTP, which everyone on the network can read. */
    tls: Type.Boolean(),
    /** Names of the API families that it serves; empty: all. */
    dialects: Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { maxItems: 20 }),
  },
  { additionalProperties: false },
)
export type Listener = Static<typeof Listener>

export const ListenerState = Type.Object({
  ...Listener.properties,
  port: Type.Integer(),
  /** `command-line`: given at the start, and changed only there. */
  source: Type.Enum(['command-line', 'settings']),
  /** Why nothing listens there; empty: it does. */
  problem: Type.String(),
  /** Other machines reach it: it listens on more than loopback. */
  onNetwork: Type.Boolean(),
  /** Addresses at which it is reached, the likeliest first. */
  urls: Type.Array(Type.String()),
})
export type ListenerState = Static<typeof ListenerState>

export const ListenersInput = Type.Object({ listeners: Type.Array(Listener, { maxItems: 20 }) }, { additionalProperties: false })

export const Listeners = Type.Object({
  items: Type.Array(ListenerState),
  /** The API families that a listener may name. */
  dialects: Type.Array(Type.String()),
  /** SHA-256 of the public key of the farm's certificate authority, hex with colons: what workers expect; empty: it is not usable. */
  fingerprint: Type.String(),
  /** Commands that let other machines through this machine's firewall to the ports that listen on the network. */
  firewall: Type.Array(Type.Object({ tool: Type.String(), command: Type.String() })),
})
export type Listeners = Static<typeof Listeners>
