/** `framehouse job-types [TYPE]`: the available job types and their settings. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import type { JobTypeInfo } from '../../client/client.ts'
import { defineCommand } from '../../parsing/command.ts'
import { CliError, EXIT } from '../../errors.ts'
import { isInBlendFile } from '../../client/inspectBlend.ts'
import { nearest } from '../../parsing/nearest.ts'
import { printJson, printTable } from '../../output/output.ts'

export const jobTypes = defineCommand({
  path: ['job-types'],
  summary: 'list the job types, or the settings of one',
  positionals: [{ name: 'TYPE', help: 'show the settings of this one', optional: true, completes: 'job-type' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const types = await makeClient(context, options).jobTypes()
    const name = words[0]
    if (name === undefined) {
      if (json) printJson(context.terminal, types)
      else {
        printTable(
          context.terminal,
          [
            { title: 'TYPE', value: (type) => type.name },
            { title: 'LABEL', value: (type) => type.label },
            { title: 'DESCRIPTION', value: (type) => type.description ?? '', shrinks: true },
          ],
          types,
        )
      }
      return EXIT.done
    }
    const type = types.find((one) => one.name === name)
    if (!type) {
      const near = nearest(
        name,
        types.map((one) => one.name),
      )
      throw new CliError(EXIT.notFound, `unknown job type "${name}".${near ? ` Did you mean "${near}"?` : ''}`, 'not-found', 'TYPE')
    }
    if (json) {
      printJson(context.terminal, type)
      return EXIT.done
    }
    context.terminal.out(`${type.label}${type.description ? `: ${type.description}` : ''}\n\n`)
    printTable(
      context.terminal,
      [
        { title: 'SETTING', value: (setting) => setting.key },
        { title: 'TYPE', value: typeText },
        { title: 'DEFAULT', value: defaultText },
        { title: 'DESCRIPTION', value: (setting) => (typeof setting.description === 'string' ? setting.description : ''), shrinks: true },
      ],
      type.settings.filter((setting) => setting.visible !== 'hidden'),
    )
    return EXIT.done
  },
})

type Setting = JobTypeInfo['settings'][number]

function typeText(setting: Setting): string {
  return setting.choices?.length ? setting.choices.join('|') : (setting.subtype ?? setting.type)
}

function defaultText(setting: Setting): string {
  if (isInBlendFile(setting)) return '(from the file)'
  if (setting.default === undefined) return setting.required ? '(required)' : ''
  return typeof setting.default === 'string' ? setting.default : JSON.stringify(setting.default)
}
