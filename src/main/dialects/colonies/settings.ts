/** Settings of the Colonies API, stored beside the farm's own, and their texts for people. */
import { Type } from 'typebox'
import type { Dialect } from '../../http/dialect.ts'

export const ColoniesSettings = Type.Object({
  /** Whether Colonies clients are answered at all. */
  coloniesEnabled: Type.Boolean({ default: false }),
  /** The port of the listener for Colonies clients. 0: none; they use the farm's own listeners. */
  coloniesPort: Type.Integer({ minimum: 0, maximum: 65_535, default: 50_080 }),
  /** The address that it listens on. */
  coloniesAddress: Type.String({ minLength: 1, maxLength: 100, default: '127.0.0.1' }),
  /** The port of the S3 endpoint, where the bytes of files are. 0: there is none. */
  coloniesS3Port: Type.Integer({ minimum: 0, maximum: 65_535, default: 0 }),
  /** The address that it listens on. */
  coloniesS3Address: Type.String({ minLength: 1, maxLength: 100, default: '127.0.0.1' }),
  /** Names whose subdomains are buckets (`BUCKET.NAME`), separated by blanks or commas. */
  coloniesS3Hosts: Type.String({ maxLength: 1_000, default: '' }),
  /** The id of the server's owner, who creates colonies: 64 hex digits; empty: there is none. */
  coloniesServerId: Type.String({ pattern: '^([0-9a-f]{64})?$', default: '' }),
  /** Whether an executor may register again under a name that is taken. */
  coloniesReregister: Type.Boolean({ default: true }),
  /** An executor that holds processes and does not call for so long is removed, and its processes wait again; 0: never. */
  coloniesRemoveSilentMs: Type.Integer({ minimum: 0, default: 0 }),
  /** An executor that holds nothing and does not call for so long is unregistered; 0: never. */
  coloniesRetireMs: Type.Integer({ minimum: 0, default: 600_000 }),
})

export const WORDS: NonNullable<Dialect['words']> = {
  en: {
    title: 'Colonies',
    summary: 'Runs processes that Colonies clients submit; external executors pull them.',
    settings: {
      coloniesEnabled: { label: 'Answer Colonies clients' },
      coloniesPort: { label: 'Port', hint: '0: no port of its own; clients use the addresses of the farm.' },
      coloniesAddress: {
        label: 'Address',
        hint: '0.0.0.0 lets other machines in. Use TLS there: anyone who can read a signed call can send it again.',
      },
      coloniesS3Port: { label: 'Port of the S3 endpoint for files', hint: '0: none. Usual is 50081.' },
      coloniesS3Address: {
        label: 'Address of the S3 endpoint',
        hint: '0.0.0.0 lets other machines in. Contents can be read on the way there.',
      },
      coloniesS3Hosts: {
        label: 'Names with a subdomain for each bucket',
        hint: 'Separated by commas. Empty: the bucket is the first part of the path.',
      },
      coloniesServerId: { label: 'Id of the server owner', hint: '64 hexadecimal digits. Only this identity creates colonies.' },
      coloniesReregister: { label: 'Executors may register again under the same name' },
      coloniesRemoveSilentMs: {
        label: 'Remove silent executors that hold processes after',
        hint: '0: never. Their processes wait for another executor.',
      },
      coloniesRetireMs: { label: 'Unregister silent executors without processes after', hint: '0: never.' },
    },
  },
  de: {
    title: 'Colonies',
    summary: 'Führt Prozesse aus, die Colonies-Clients absenden; externe Executors holen sie ab.',
    settings: {
      coloniesEnabled: { label: 'Colonies-Clients antworten' },
      coloniesPort: { label: 'Port', hint: '0: kein eigener Port; Clients nutzen die Adressen der Farm.' },
      coloniesAddress: {
        label: 'Adresse',
        hint: '0.0.0.0 lässt andere Rechner zu. Dort gehört TLS dazu: Wer einen signierten Aufruf mitliest, kann ihn erneut senden.',
      },
      coloniesS3Port: { label: 'Port der S3-Schnittstelle für Dateien', hint: '0: keine. Üblich ist 50081.' },
      coloniesS3Address: {
        label: 'Adresse der S3-Schnittstelle',
        hint: '0.0.0.0 lässt andere Rechner zu. Inhalte sind auf dem Weg dorthin lesbar.',
      },
      coloniesS3Hosts: {
        label: 'Namen mit einer Subdomain für jeden Bucket',
        hint: 'Durch Kommas getrennt. Leer: Der Bucket ist der erste Teil des Pfads.',
      },
      coloniesServerId: { label: 'Id des Server-Eigentümers', hint: '64 hexadezimale Ziffern. Nur diese Identität legt Kolonien an.' },
      coloniesReregister: { label: 'Executors dürfen sich unter demselben Namen neu anmelden' },
      coloniesRemoveSilentMs: {
        label: 'Stumme Executors mit Prozessen entfernen nach',
        hint: '0: nie. Ihre Prozesse warten auf einen anderen Executor.',
      },
      coloniesRetireMs: { label: 'Stumme Executors ohne Prozesse abmelden nach', hint: '0: nie.' },
    },
  },
}
