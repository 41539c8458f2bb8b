/**
 * The shipped job types (resources/job-types) in the language of the page. A script speaks English: its texts are the keys of each
 * language's table, so that a modified script is shown in its own words, and another type's same words are translated with it. A
 * test holds every text of every shipped script against the tables.
 */
import type { JobSetting, JobTypeInfo } from '../../shared/schemas/jobs/jobType.ts'
import { languageOf } from './languages.ts'

const find = (table: Readonly<Record<string, string>>, text: string) => (Object.hasOwn(table, text) ? table[text] : undefined)

/** The name of a job type or setting in `locale`; one without a name of its own is called by the words of its key. */
export function labelOf({ key, label }: Pick<JobSetting, 'key' | 'label'>, locale: string): string {
  const own = typeof label === 'string' && label !== '' ? label : undefined
  const words = key.replace(/_/g, ' ')
  return find(languageOf(locale).jobTypes.labels, own ?? key) ?? own ?? words.charAt(0).toUpperCase() + words.slice(1)
}

/** '' where it says nothing of itself. */
export function descriptionOf({ description }: { description?: unknown }, locale: string): string {
  const own = typeof description === 'string' ? description : ''
  return find(languageOf(locale).jobTypes.descriptions, own) ?? own
}

export const typeLabelOf = ({ name, label }: Pick<JobTypeInfo, 'name' | 'label'>, locale: string): string =>
  labelOf({ key: name, label }, locale)
