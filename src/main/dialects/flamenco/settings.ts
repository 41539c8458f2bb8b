/** Settings of the Flamenco API, stored beside the farm's own, and their texts for people. */
import { Type } from 'typebox'
import type { Dialect } from '../../http/dialect.ts'

export const FlamencoSettings = Type.Object({
  /** The Manager version that Flamenco clients see; the add-on refuses to submit to another version than its own. */
  flamencoVersion: Type.String({ minLength: 1, maxLength: 50, default: '3.9' }),
})

export const WORDS: NonNullable<Dialect['words']> = {
  en: {
    title: 'Flamenco',
    summary: 'Serves Flamenco Workers and the Flamenco add-on for Blender under /api/v3.',
    settings: {
      flamencoVersion: { label: 'Version reported to Flamenco clients', hint: 'The add-on submits only to a Manager of its own version.' },
    },
  },
  de: {
    title: 'Flamenco',
    summary: 'Bedient Flamenco Worker und das Flamenco-Add-on für Blender unter /api/v3.',
    settings: {
      flamencoVersion: {
        label: 'Version für Flamenco-Clients',
        hint: 'Das Add-on sendet Jobs nur an einen Manager seiner eigenen Version.',
      },
    },
  },
}
