/** Blender's command line: what it promises, and where our own steps are put into it. */
import { describe, expect, it } from 'vitest'
import { commandHash, guardedArguments, renderRequests } from '../../../../src/main/worker/commands/blender/arguments.ts'

const parts = { exeArgs: ['-b'], argsBefore: [], blendfile: '/s.blend', args: [] as string[] }
const DECLARED = '# framehouse: frames -2,-1\nframes = [-2,-1]\n…'

/** The command line with each of our steps as one word such as `<render>`, which remembers the exit code before and after it. */
function steps(args: string[], exeArgs = parts.exeArgs): string[] {
  const words = guardedArguments({ ...parts, exeArgs, args }, '/w/guard.py')
  const found: string[] = []
  for (let at = 0; at < words.length; at++) {
    const code = words[at + 3] ?? ''
    const step = /"STEP": "(\w+)", "VALUE": (.*)\}\)$/.exec(code)
    if (words[at] !== '--python-exit-code' || words[at + 1] !== '97' || step === null) {
      found.push(words[at] ?? '')
      continue
    }
    found.push(`<${step[1]} ${step[2]} ${words[at + 5]}>`)
    at += 5
  }
  return found
}

describe('our steps in a command line', () => {
  it('come after the file, after what names something, and around each render', () => {
    expect(steps(['--scene', 'A "b"', '-F', 'PNG', '-o', '/o/##', '-f', '1..3', '-a'])).toEqual([
      '-b', '/s.blend', '<loaded 0 0>', '--scene', 'A "b"', '<scene "A \\"b\\"" 0>', '-F', 'PNG', '<format "PNG" 0>', '-o', '/o/##',
      '<render {"number":0,"ranges":"1..3"} 0>', '-f', '1..3', '<rendered 0 0>', '<render {"number":1} 0>', '-a', '<rendered 0 0>',
    ]) // prettier-ignore
    expect(steps(['--python-expr', DECLARED])).toContain('<render {"number":0,"frames":[-2,-1]} 0>')
  })

  it('leave the rules for other Python as they are at that place', () => {
    expect(steps(['--python-exit-code', '5', '-S', 'A', '--python-exit-code', '0', '-f', '1'], ['-b', '--python-exit-code', '3'])).toEqual([
      '-b', '--python-exit-code', '3', '/s.blend', '<loaded 0 3>', '--python-exit-code', '5', '-S', 'A', '<scene "A" 5>',
      '--python-exit-code', '0', '<render {"number":0,"ranges":"1"} 0>', '-f', '1', '<rendered 0 0>',
    ]) // prettier-ignore
  })

  it('are not put between an option and its value, nor into what is for scripts', () => {
    expect(steps(['--python-text', '-f', '--python-expr', '-a', '--', '-f', '1', '-S', 'x'])).toEqual([
      '-b', '/s.blend', '<loaded 0 0>', '--python-text', '-f', '--python-expr', '-a', '--', '-f', '1', '-S', 'x',
    ]) // prettier-ignore
  })

  it('need no file', () => {
    expect(guardedArguments({ ...parts, blendfile: '', args: ['--python', 'x.py'] }, '/g')).toEqual(['-b', '--python', 'x.py'])
  })
})

it.each([
  [
    ['-f', '1..3', '--render-anim'],
    [{ number: 0, ranges: '1..3' }, { number: 1 }],
  ],
  [['--python-expr', DECLARED], [{ number: 0, frames: [-2, -1] }]],
  [['--python-expr', 'print("-f")', '-o', '-f'], []],
  [['--', '-f', '1'], []],
  [['-f'], []],
])('%j promises %j', (args, requests) => {
  expect(renderRequests(args)).toEqual(requests)
})

it('tells two commands apart by what changes the picture, and by nothing else', () => {
  const hash = (args: string[], exe = '/blender') => commandHash(exe, { ...parts, args })
  const base = hash(['-o', '/a/##', '-F', 'PNG', '-f', '1'])
  expect(hash(['-o', '/b/##', '-F', 'PNG', '-f', '2..9'])).toBe(base)
  expect(hash(['-o', '/b/##', '-F', 'PNG', '--python-expr', DECLARED])).toBe(base)
  expect(hash(['-o', '/a/##', '-F', 'JPEG', '-f', '1'])).not.toBe(base)
  expect(hash(['-o', '/a/##', '-F', 'PNG', '-f', '1'], '/other/blender')).not.toBe(base)
})
