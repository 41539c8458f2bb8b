/** Settings of the actors API, stored beside the farm's own, and their texts for people. */
import { Type } from 'typebox'
import type { Dialect } from '../../http/dialect.ts'

export const ActorsSettings = Type.Object({
  /** The tenant of callers that the farm itself knows. */
  actorsTenant: Type.String({ pattern: '^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$', maxLength: 40, default: 'FARM' }),
  /** Spelling of fields on the wire. */
  actorsCase: Type.Enum(['camel', 'snake'], { default: 'camel' }),
  /** Executions of one stateless actor that run at once unless the actor says less. */
  actorsMaxWorkers: Type.Integer({ minimum: 1, maximum: 1_000, default: 20 }),
  /** Whether executions get a token unless their actor says otherwise. */
  actorsToken: Type.Boolean({ default: true }),
  /** The longest run of an execution; 0: no limit. */
  actorsMaxRunMs: Type.Integer({ minimum: 0, default: 43_200_000 }),
  /** How long a lost stateful execution waits for its machine before another one gets it. */
  actorsTakeoverMs: Type.Integer({ minimum: 0, default: 600_000 }),
  /** How long logs are kept unless the actor says otherwise, and the most that it may say; 0: forever. */
  actorsLogMs: Type.Integer({ minimum: 0, default: 43_200_000 }),
  actorsLogLimitMs: Type.Integer({ minimum: 0, default: 86_400_000 }),
  /** How many days ended executions are kept, and how many of each actor; 0: no limit. */
  actorsKeepDays: Type.Integer({ minimum: 0, maximum: 36_500, default: 90 }),
  actorsKeepCount: Type.Integer({ minimum: 0, default: 1_000_000 }),
  /** Names of queues that actors may ask for. */
  actorsQueues: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100, default: ['default'] }),
  /** Limits of a container whose actor has none: memory in Docker's notation (empty: none), and processors (0: none). */
  actorsMemory: Type.String({ pattern: '^(\\d+[bkmgBKMG]?)?$', maxLength: 20, default: '' }),
  actorsCpus: Type.Number({ minimum: 0, maximum: 1_000, default: 0 }),
  /** User and group of processes in containers, `uid[:gid]`; empty: those of the image. */
  actorsUser: Type.String({ pattern: '^(\\d{1,10}(:\\d{1,10})?)?$', default: '' }),
  /** Folders of every container, `host:container:ro|rw`, with {username}, {tenant_id} and {tasdir}. */
  actorsMounts: Type.Array(Type.String({ pattern: '^[^:]+:[^:]+(:(ro|rw))?$', maxLength: 1_000 }), { maxItems: 50, default: [] }),
  /** Public key (PEM) of a gateway whose assertions (`X-JWT-Assertion-TENANT`) name users; empty: none does. */
  actorsGatewayKey: Type.String({ maxLength: 20_000, default: '' }),
  /** Believes assertions without a signature; refused while anything but this machine can connect. For tests only. */
  actorsUnsignedAssertions: Type.Boolean({ default: false }),
})

export const WORDS: NonNullable<Dialect['words']> = {
  en: {
    title: 'Actors',
    summary: 'Docker images with a mailbox, for clients of the Abaco actors API (agavepy).',
    settings: {
      actorsTenant: { label: 'Tenant', hint: 'Of callers that this farm knows. Tenants see nothing of each other.' },
      actorsCase: { label: 'Spelling of fields', hint: 'Clients expect camel.' },
      actorsMaxWorkers: { label: 'Executions of an actor at once' },
      actorsToken: { label: 'Executions get a token', hint: 'For calls of the actors API from inside a container.' },
      actorsMaxRunMs: { label: 'Longest execution', hint: '0: no limit.' },
      actorsTakeoverMs: { label: 'Wait for a lost machine', hint: 'Before another one repeats an execution of a stateful actor.' },
      actorsLogMs: { label: 'Keep logs', hint: 'Unless the actor says otherwise. 0: forever.' },
      actorsLogLimitMs: { label: 'Longest time that an actor may ask for', hint: '0: any.' },
      actorsKeepDays: { label: 'Keep executions (days)', hint: 'Then they are deleted with their logs. 0: no limit.' },
      actorsKeepCount: { label: 'Keep executions of each actor', hint: 'The newest. Older ones are deleted with their logs. 0: no limit.' },
      actorsQueues: { label: 'Queues' },
      actorsMemory: { label: 'Memory of a container', hint: 'In Docker’s notation, such as 2g. Empty: no limit.' },
      actorsCpus: { label: 'Processors of a container', hint: '0: no limit.' },
      actorsUser: { label: 'User in containers', hint: 'uid or uid:gid. Empty: the image’s own.' },
      actorsMounts: { label: 'Folders in containers', hint: 'host:container:ro' },
      actorsGatewayKey: { label: 'Public key of the gateway', hint: 'Signs X-JWT-Assertion headers (RS256).' },
      actorsUnsignedAssertions: { label: 'Believe unsigned assertions', hint: 'For tests on this machine only.' },
    },
  },
  de: {
    title: 'Aktoren',
    summary: 'Docker-Images mit Postfach, für Clients der Abaco-Actors-API (agavepy).',
    settings: {
      actorsTenant: { label: 'Mandant', hint: 'Von Aufrufern, die diese Farm kennt. Mandanten sehen nichts voneinander.' },
      actorsCase: { label: 'Schreibweise der Felder', hint: 'Clients erwarten camel.' },
      actorsMaxWorkers: { label: 'Gleichzeitige Ausführungen eines Aktors' },
      actorsToken: { label: 'Ausführungen erhalten ein Token', hint: 'Für Aufrufe der Actors-API aus einem Container.' },
      actorsMaxRunMs: { label: 'Längste Ausführung', hint: '0: ohne Grenze.' },
      actorsTakeoverMs: {
        label: 'Auf verlorene Rechner warten',
        hint: 'Bevor ein anderer die Ausführung eines Aktors mit Zustand wiederholt.',
      },
      actorsLogMs: { label: 'Protokolle behalten', hint: 'Wenn der Aktor nichts anderes sagt. 0: für immer.' },
      actorsLogLimitMs: { label: 'Längste Zeit, die ein Aktor verlangen darf', hint: '0: jede.' },
      actorsKeepDays: { label: 'Ausführungen behalten (Tage)', hint: 'Dann werden sie mit ihren Protokollen gelöscht. 0: ohne Grenze.' },
      actorsKeepCount: {
        label: 'Ausführungen je Aktor behalten',
        hint: 'Die neuesten. Ältere werden mit ihren Protokollen gelöscht. 0: ohne Grenze.',
      },
      actorsQueues: { label: 'Warteschlangen' },
      actorsMemory: { label: 'Speicher eines Containers', hint: 'In Dockers Schreibweise, etwa 2g. Leer: ohne Grenze.' },
      actorsCpus: { label: 'Prozessoren eines Containers', hint: '0: ohne Grenze.' },
      actorsUser: { label: 'Benutzer in Containern', hint: 'uid oder uid:gid. Leer: der des Images.' },
      actorsMounts: { label: 'Ordner in Containern', hint: 'host:container:ro' },
      actorsGatewayKey: { label: 'Öffentlicher Schlüssel des Gateways', hint: 'Signiert X-JWT-Assertion-Kopfzeilen (RS256).' },
      actorsUnsignedAssertions: { label: 'Unsignierten Aussagen glauben', hint: 'Nur für Tests auf diesem Rechner.' },
    },
  },
}
