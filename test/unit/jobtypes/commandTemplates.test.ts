import { describe, expect, it } from 'vitest'
import { CommandFactory, expandCommands, type FactoredCommands } from '../../../src/main/engine/compile/commandTemplates.ts'
import type { Command } from '../../../src/shared/schemas/jobs/task.ts'

function command(name: string, parameters: Record<string, unknown>, totalStepCount = 0): Command {
  return { name, parameters, totalStepCount }
}

/** Factors all command lists of a job. */
function factorCommands(lists: Iterable<readonly Command[]>): FactoredCommands {
  const factory = new CommandFactory()
  for (const commands of lists) factory.add(commands)
  return factory.finish()
}

/** Factors, expands again and compares; returns the templates. */
function roundTrip(lists: Command[][]): string[] {
  const { templates, tasks } = factorCommands(lists)
  expect(tasks.map(({ template, params }) => expandCommands(templates[template] ?? '', params))).toEqual(lists)
  return templates
}

describe('command templates', () => {
  it('stores what tasks share once, and of a path only what differs', () => {
    const lists = [1, 2, 35].map((frame) => [
      command('blender-render', { exe: '{blender}', args: ['--render-output', `/shots/010/frame-${frame}.exr`, '-f', frame] }, 1),
    ])
    const { templates, tasks } = factorCommands(lists)
    expect(templates).toHaveLength(1)
    expect(tasks.map(({ params }) => params)).toEqual(['["1",1]', '["2",2]', '["35",35]'])
    expect(templates[0]).toContain('"before":"/shots/010/frame-"')
    expect(templates[0]).toContain('"after":".exr"')
  })

  it('needs no params for tasks that are all the same', () => {
    expect(factorCommands([[command('sleep', { duration_in_seconds: 1 })], [command('sleep', { duration_in_seconds: 1 })]]).tasks).toEqual([
      { template: 0, params: null },
      { template: 0, params: null },
    ])
  })

  it.each<[string, Command[][]]>([
    ['no commands at all', [[], []]],
    ['different shapes', [[command('echo', { message: 'a' })], [command('sleep', { s: 1 })], [command('echo', { message: 'b' })]]],
    [
      'values of different types',
      [['x', 1, null, true, 'xx'].map((v) => command('a', { v }))[0], command('a', { v: 1 })].map((c) => [c as Command]),
    ],
    ['text beside null', ['x', null, 'xy'].map((v) => [command('a', { v })])],
    ['a hole where text overlaps itself', ['aa', 'aaa', 'a'].map((v) => [command('a', { v })])],
    ['empty text', ['', 'abc', 'abd'].map((v) => [command('a', { v })])],
    ['characters of two code units', ['x😀y', 'x😁y', 'x😀😀y'].map((v) => [command('a', { v })])],
    ['lists of different lengths', [[], [1], [1, 2]].map((v) => [command('a', { v })])],
    ['empty and filled objects', [{}, { a: 1 }, { a: {} }].map((v) => [command('a', { v })])],
    [
      'keys in another order',
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ].map((v) => [command('a', { v })]),
    ],
    [
      'awkward keys',
      [1, 2].map((n) => [
        command('a', JSON.parse(`{"__proto__":{"x":${n}},"constructor":${n},"a.b/c":${n},"0":${n}}`) as Record<string, unknown>),
      ]),
    ],
    ['values that look like templates', ['{"path":[0]}', '{hole}', '\u0000'].map((v) => [command('a', { v, holes: [{ path: [v] }] })])],
    ['names and step counts that differ', [command('a', {}, 1), command('b', {}, 2)].map((c) => [c])],
  ])('round trip: %s', (_name, lists) => {
    roundTrip(lists)
  })

  it('round trip: random lists', () => {
    const random = generator(7)
    for (let round = 0; round < 60; round++) {
      const shapes = Array.from({ length: 1 + Math.floor(random() * 4) }, () => randomValue(random, 3))
      const lists = Array.from({ length: 30 }, () => {
        const shape = shapes[Math.floor(random() * shapes.length)]
        return [command(`c${Math.floor(random() * 2)}`, { v: mutate(shape, random) }, Math.floor(random() * 3))]
      })
      roundTrip(lists)
    }
  })

  it('falls back to one catch-all template when every task has a shape of its own', () => {
    const lists = Array.from({ length: 1000 }, (_, n) => [command('a', { [`key${n}`]: n })])
    expect(roundTrip(lists).length).toBeLessThan(300)
  })

  it('costs a few MB for 100,000 frames', () => {
    const factory = new CommandFactory()
    for (let frame = 0; frame < 100_000; frame++) {
      factory.add([
        command(
          'blender-render',
          {
            exe: '{blender}',
            exeArgs: '{blenderArgs}',
            argsBefore: [],
            blendfile: '/shared/jobs/shot/shot-0010.flamenco.blend',
            args: [
              '--python-expr',
              'import bpy; '.repeat(20),
              '--render-output',
              '/out/######',
              '--render-format',
              'PNG',
              '--render-frame',
              String(frame),
            ],
          },
          1,
        ),
      ])
    }
    const { templates, tasks } = factory.finish()
    const bytes = [...templates, ...tasks.map(({ params }) => params ?? '')].reduce((sum, text) => sum + text.length, 0)
    expect(bytes).toBeLessThan(2_000_000)
  })
})

/** A small linear congruential generator: the same tests every time. */
function generator(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
}

function randomValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 0 ? 7 : 5))
  const text = Array.from({ length: Math.floor(random() * 6) }, () => 'ab😀/'.charAt(Math.floor(random() * 5))).join('')
  if (kind === 5) return Array.from({ length: Math.floor(random() * 4) }, () => randomValue(random, depth - 1))
  if (kind === 6)
    return Object.fromEntries(Array.from({ length: Math.floor(random() * 4) }, (_, i) => [`k${i}`, randomValue(random, depth - 1)]))
  return [null, true, Math.floor(random() * 5), text, `prefix-${text}-suffix`][kind]
}

function mutate(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => mutate(item, random))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mutate(item, random)]))
  return random() < 0.3 ? randomValue(random, 0) : value
}
