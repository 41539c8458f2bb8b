import { describe, expect, it } from 'vitest'
import { defineCommand, type Command } from '../../../src/main/cli/parsing/command.ts'
import { UsageError } from '../../../src/main/cli/errors.ts'
import { choice, flag, integer, keyValues, list, seconds, text, textOr } from '../../../src/main/cli/parsing/options.ts'
import { parse, wantsJson } from '../../../src/main/cli/parsing/parse.ts'

const done = () => Promise.resolve(0)
const workers = defineCommand({ path: ['workers'], summary: 'list', run: done })
const approve = defineCommand({
  path: ['workers', 'approve'],
  summary: 'approve',
  positionals: [{ name: 'ID', help: '', rest: true }],
  run: done,
})
const submit = defineCommand({
  path: ['submit'],
  summary: 'submit',
  positionals: [
    { name: 'TYPE', help: '' },
    { name: 'NOTE', help: '', optional: true },
  ],
  options: {
    set: keyValues('KEY=VALUE', ''),
    priority: integer('N', '', { min: 0, max: 100 }),
    watch: flag('', { short: 'w' }),
    order: choice(['priority', 'fifo'], ''),
    depends: list('JOB', ''),
    manager: textOr('http://default', 'URL', '', { env: 'FRAMEHOUSE_MANAGER' }),
    token: text('TOKEN', ''),
  },
  run: done,
})
const hidden = defineCommand({ path: ['__raw'], summary: '', hidden: true, raw: true, run: done })
const COMMANDS: readonly Command[] = [workers, approve, submit, hidden]

const read = (line: string[], env: NodeJS.ProcessEnv = {}) => parse(line, COMMANDS, env)
const inputOf = (line: string[], env: NodeJS.ProcessEnv = {}) => {
  const parsed = read(line, env)
  if (parsed.kind !== 'run') throw new Error(`expected a command to run, not ${parsed.kind}`)
  return parsed
}

describe('parse', () => {
  it.each([
    { line: ['submit', 'type'], options: { priority: undefined, watch: false, manager: 'http://default', depends: [] }, words: ['type'] },
    { line: ['submit', '--priority', '7', 'type'], options: { priority: 7 }, words: ['type'] },
    { line: ['submit', '--priority=7', 'type', 'note'], options: { priority: 7 }, words: ['type', 'note'] },
    { line: ['submit', 'type', '-w'], options: { watch: true }, words: ['type'] },
    { line: ['submit', 'type', '--depends', 'a', '--depends=b'], options: { depends: ['a', 'b'] }, words: ['type'] },
    { line: ['submit', '--', '--type'], options: { watch: false }, words: ['--type'] },
    { line: ['submit', 'type', '--order', 'fifo'], options: { order: 'fifo' }, words: ['type'] },
  ])('reads $line', ({ line, options, words }) => {
    const { input } = inputOf(line)
    expect(input.options).toMatchObject(options)
    expect(input.words).toEqual(words)
  })

  it('takes everything after the first = of a key=value, and the last value of a key', () => {
    const { input } = inputOf(['submit', 'type', '--set', 'a=1', '--set=b==x y', '--set', 'a=2', '--set', 'empty='])
    expect(input.options['set']).toEqual(
      new Map([
        ['a', '2'],
        ['b', '=x y'],
        ['empty', ''],
      ]),
    )
  })

  it('prefers the option over the environment, and the environment over the default', () => {
    const env = { FRAMEHOUSE_MANAGER: 'http://env' }
    expect(inputOf(['submit', 'type'], env).input.options['manager']).toBe('http://env')
    expect(inputOf(['submit', 'type', '--manager', 'http://given'], env).input.options['manager']).toBe('http://given')
  })

  it('finds the command with the longest name', () => {
    expect(inputOf(['workers']).command).toBe(workers)
    expect(inputOf(['workers', 'approve', 'a', 'b'])).toMatchObject({ command: approve, input: { words: ['a', 'b'] } })
  })

  it('passes words on as they are to a raw command', () => {
    expect(inputOf(['__raw', '--json', '--nonsense', '']).input.words).toEqual(['--json', '--nonsense', ''])
  })

  it.each([
    { line: ['sbumit', 'type'], says: /unknown command "sbumit"\. Did you mean "framehouse submit"\?/ },
    { line: ['xyzzy'], says: /unknown command "xyzzy"\.$/ },
    { line: ['__rwa'], says: /unknown command "__rwa"\.$/ },
    { line: ['workers', 'aprove', 'x'], says: /unexpected argument.*Did you mean "framehouse workers approve"\?/ },
    { line: ['workers', 'approve'], says: /missing argument ID: framehouse workers approve ID …/ },
    { line: ['submit'], says: /missing argument TYPE/ },
    { line: ['submit', ''], says: /TYPE must not be empty/ },
    { line: ['submit', 'a', 'b', 'c'], says: /unexpected argument "c"/ },
    { line: ['submit', 'type', '--prioritiy', '7'], says: /no option --prioritiy\. Did you mean --priority\?/ },
    { line: ['submit', 'type', '-x'], says: /no option -x/ },
    { line: ['submit', 'type', '--constructor'], says: /no option --constructor/ },
    { line: ['submit', 'type', '--priority'], says: /--priority needs a value: --priority N/ },
    { line: ['submit', 'type', '--priority', '--watch'], says: /--priority needs a value/ },
    { line: ['submit', 'type', '--priority', 'high'], says: /--priority must be a whole number from 0 to 100, not "high"/ },
    { line: ['submit', 'type', '--priority', '101'], says: /from 0 to 100/ },
    { line: ['submit', 'type', '--priority', '1', '--priority', '2'], says: /--priority is given more than once/ },
    { line: ['submit', 'type', '--watch=yes'], says: /--watch does not take a value/ },
    { line: ['submit', 'type', '--set', 'novalue'], says: /--set must have the form key=value, not "novalue"/ },
    { line: ['submit', 'type', '--set', '=x'], says: /--set must have the form key=value/ },
    { line: ['submit', 'type', '--order', 'fifi'], says: /must be one of priority, fifo, not "fifi" \(did you mean fifo\?\)/ },
    { line: ['submit', 'type', '--token', ''], says: /--token must not be empty/ },
  ])('refuses $line', ({ line, says }) => {
    expect(() => read(line)).toThrow(UsageError)
    expect(() => read(line)).toThrow(says)
  })

  it.each([
    { line: [], help: { kind: 'help', command: undefined } },
    { line: ['--help'], help: { kind: 'help', command: undefined } },
    { line: ['help', 'workers', 'approve'], help: { kind: 'help', command: approve } },
    { line: ['submit', '--help'], help: { kind: 'help', command: submit } },
    { line: ['submit', '--priority', 'high', '-h'], help: { kind: 'help', command: submit } },
    { line: ['--version'], help: { kind: 'version' } },
    { line: ['version'], help: { kind: 'version' } },
    { line: ['version', '--json'], help: { kind: 'version' } },
  ])('shows help for $line', ({ line, help }) => {
    expect(read(line)).toMatchObject(help)
  })

  it.each([
    [['jobs', '--json'], true],
    [['jobs'], false],
    [['job', '--', '--json'], false],
  ])('knows whether %j asks for JSON', (line, json) => {
    expect(wantsJson(line)).toBe(json)
  })
})

describe('spans of time', () => {
  const every = seconds('TIME', '', { min: 1, max: 31_622_400 })

  it.each([
    ['90', 90],
    ['90s', 90],
    ['30m', 1800],
    ['2h', 7200],
    ['1d', 86_400],
    ['1w', 604_800],
    ['1h30m', 5400],
    ['1d12h', 129_600],
  ])('%s is %i seconds', (given, value) => expect(every.read([given], '--every')).toBe(value))

  it.each(['', 'm', '1.5h', '-5m', '30m1h', '5 m', '1y', 'PT1H'])('refuses "%s" and says what is right', (given) =>
    expect(() => every.read([given], '--every')).toThrow(/--every must be a duration like 90 \(seconds\), 30m/),
  )

  it.each(['0', '0m', '400d', '99999999999999999999'])('refuses %s, which is out of range', (given) =>
    expect(() => every.read([given], '--every')).toThrow(/--every must be from 1 to 31622400 seconds/),
  )
})
