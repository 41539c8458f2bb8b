import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { createJobTypeCatalog, shippedScriptsFolder, type JobType } from '../../../src/main/jobtypes/scripts/catalog.ts'
import { createSandbox, type Sandbox } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import { descriptionOf, labelOf, typeLabelOf } from '../../../src/renderer/locales/jobTypes.ts'

let sandbox: Sandbox
let types: JobType[]
beforeAll(async () => {
  sandbox = createSandbox({ log: silentLogger })
  types = await createJobTypeCatalog({ folders: [shippedScriptsFolder()], sandbox, log: silentLogger }).list()
})
afterAll(() => sandbox.stop())

/** Words that German has from English. */
const SAME = new Set(['Container', 'Codec', 'Format', 'GPUs', 'Image', 'Mounts', 'Samples', 'Seed'])

describe('job types in German', () => {
  it('every shipped type and every setting of it has a German name and description', () => {
    expect(types.length).toBeGreaterThan(5)
    const missing: string[] = []
    const compare = (place: string, english: string, german: string) => {
      if (english !== '' && german === english && !SAME.has(english)) missing.push(`${place}: ${english}`)
    }
    for (const type of types) {
      compare(type.name, typeLabelOf(type, 'en'), typeLabelOf(type, 'de'))
      compare(type.name, descriptionOf(type, 'en'), descriptionOf(type, 'de'))
      for (const setting of type.settings) {
        compare(`${type.name}.${setting.key}`, labelOf(setting, 'en'), labelOf(setting, 'de'))
        compare(`${type.name}.${setting.key}`, descriptionOf(setting, 'en'), descriptionOf(setting, 'de'))
      }
    }
    expect(missing).toEqual([])
  })

  it('placeholders of a description stay as they are', () => {
    const placeholders = (text: string) => (text.match(/\{[a-z]+(:\d+)?\}/g) ?? []).toSorted()
    for (const setting of types.flatMap((type) => type.settings)) {
      expect(placeholders(descriptionOf(setting, 'de')), setting.key).toEqual(placeholders(descriptionOf(setting, 'en')))
    }
  })

  it('what a script of one’s own says is shown as it stands', () => {
    const own = { key: 'frames', label: 'Frames of the plate', description: 'Which of them' }
    expect([labelOf(own, 'de'), descriptionOf(own, 'de')]).toEqual(['Frames of the plate', 'Which of them'])
    expect(labelOf({ key: 'toString' }, 'de')).toBe('ToString')
  })
})
