/** The examples of docs/services: their command lines are ones that the program takes. */
import { readdir, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { COMMANDS } from '../../../src/main/cli/commands/index.ts'
import { parse } from '../../../src/main/cli/parsing/parse.ts'
import { RESTART_EXIT_CODE } from '../../../src/main/cli/services/supervisor.ts'
import { shellSplit } from '../../../src/shared/text/shellWords.ts'

const folder = new URL('../../../docs/services/', import.meta.url)
const page = new URL('../../../docs/services.md', import.meta.url)
const read = (name: string) => readFile(new URL(name, folder), 'utf8')

async function commandLines(): Promise<[string, string[]][]> {
  const found: [string, string[]][] = []
  for (const name of await readdir(folder)) {
    const text = await read(name)
    const plist = [...text.matchAll(/<key>ProgramArguments<\/key>\s*<array>([\s\S]*?)<\/array>/g)].map(([, items = '']) =>
      [...items.matchAll(/<string>(.*?)<\/string>/g)].map(([, word = '']) => word),
    )
    const unit = [...text.matchAll(/^ExecStart=(.*)$/gm)].map(([, line = '']) => shellSplit(line))
    const task = [...text.matchAll(/-Argument "(.*)"$/gm)].map(([, line = '']) => shellSplit(line.replaceAll('`"', '"')))
    for (const words of [...plist, ...unit, ...task]) found.push([name, words])
  }
  for (const [, line = ''] of (await readFile(page, 'utf8')).matchAll(/AppParameters "(.*)"$/gm)) {
    found.push(['services.md', shellSplit(line.replaceAll('\\"', '"'))])
  }
  return found
}

it('their command lines are understood', async () => {
  const lines = await commandLines()
  expect(lines.map(([name]) => name).toSorted()).toEqual(
    ['framehouse-manager.service', 'framehouse-worker.service', 'org.framehouse.worker.plist', 'services.md', 'worker-task.ps1'].toSorted(),
  )
  for (const [name, words] of lines) {
    const own = words.slice(words.findIndex((word) => word === 'manager' || word === 'worker'))
    expect({ name, kind: parse(own, COMMANDS, {}).kind }).toEqual({ name, kind: 'run' })
  }
})

it('what ends with the status of a restart is started again', async () => {
  expect(await read('framehouse-worker.service')).toMatch(new RegExp(`^RestartForceExitStatus=${RESTART_EXIT_CODE}$`, 'm'))
})
