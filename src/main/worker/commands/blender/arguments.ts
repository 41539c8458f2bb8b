/**
 * Blender's command line: what it asks to be rendered, and the steps of our guard (resources/sessions/blender_guard.py) that are
 * put between its arguments. Pure. Blender acts on its arguments one after the other, so the order is part of the contract.
 */
import { createHash } from 'node:crypto'
import { declaredFrames, type BlenderArguments } from './blenderPlan.ts'

/** Blender's arguments in order. */
export function blenderArguments({ exeArgs, argsBefore, blendfile, args }: BlenderArguments): string[] {
  return [...exeArgs, ...argsBefore, ...(blendfile === '' ? [] : [blendfile]), ...args]
}

/** One render that the arguments ask for. */
export interface RenderRequest {
  /** Counts from 0. */
  number: number
  /** Value of `--render-frame`; undefined: `--render-anim`, or `frames`. */
  ranges?: string
  /** Frames that an expression of ours renders. */
  frames?: number[]
}

type Option =
  | { kind: 'scene' | 'format' | 'engine' | 'exit-code' | 'ranges' | 'output' | 'value'; value: string; words: string[] }
  | { kind: 'frames'; frames: number[]; words: string[] }
  | { kind: 'animation' | 'other'; words: string[] }
  /** `--` and what follows: for scripts. */
  | { kind: 'rest'; words: string[] }

const NAMED: Readonly<Record<string, 'scene' | 'format' | 'engine' | 'exit-code' | 'ranges' | 'output'>> = {
  '-S': 'scene',
  '--scene': 'scene',
  '-F': 'format',
  '--render-format': 'format',
  '-E': 'engine',
  '--engine': 'engine',
  '--python-exit-code': 'exit-code',
  '-f': 'ranges',
  '--render-frame': 'ranges',
  '-o': 'output',
  '--render-output': 'output',
}

/** Other options whose next word is their value, whatever it looks like. */
const TAKES_VALUE = new Set(
  (
    '-x --use-extension -t --threads -s --frame-start -e --frame-end -j --frame-jump -P --python --python-text --python-expr --addons ' +
    '--app-template --debug-value --log --log-level --log-file --gpu-backend --profile-gpu'
  ).split(' '),
)

/** The words as options with their values. */
export function readOptions(words: readonly string[]): Option[] {
  const options: Option[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const value = words[at + 1]
    const kind = NAMED[word]
    if (word === '--') {
      options.push({ kind: 'rest', words: words.slice(at) })
      break
    }
    if (word === '-a' || word === '--render-anim') options.push({ kind: 'animation', words: [word] })
    else if (value === undefined || (kind === undefined && !TAKES_VALUE.has(word))) options.push({ kind: 'other', words: [word] })
    else {
      at++
      const frames = word === '--python-expr' ? declaredFrames(value) : undefined
      if (frames !== undefined) options.push({ kind: 'frames', frames, words: [word, value] })
      else options.push({ kind: kind ?? 'value', value, words: [word, value] })
    }
  }
  return options
}

/** The renders that the arguments ask for: what the command promises. */
export function renderRequests(args: readonly string[]): RenderRequest[] {
  const requests: RenderRequest[] = []
  for (const option of readOptions(args)) {
    const number = requests.length
    if (option.kind === 'ranges') requests.push({ number, ranges: option.value })
    else if (option.kind === 'frames') requests.push({ number, frames: option.frames })
    else if (option.kind === 'animation') requests.push({ number })
  }
  return requests
}

/** An error in one of our own steps ends Blender with this code. */
const GUARD_EXIT_CODE = '97'

/** The whole command line with the steps of the guard in it. `script`: path of blender_guard.py. */
export function guardedArguments(parts: BlenderArguments, script: string): string[] {
  const before = [...parts.exeArgs, ...parts.argsBefore]
  let exitCode = '0'
  for (const option of readOptions(before)) if (option.kind === 'exit-code') exitCode = option.value
  const step = (name: string, value: unknown): string[] => {
    // JSON's texts, numbers and lists are Python's, too.
    const globals = `{"__name__": "framehouse", "GUARD": guard, "STEP": ${JSON.stringify(name)}, "VALUE": ${JSON.stringify(value)}}`
    const code = `guard = ${JSON.stringify(script)}; exec(compile(open(guard, encoding="utf-8").read(), guard, "exec"), ${globals})`
    return ['--python-exit-code', GUARD_EXIT_CODE, '--python-expr', code, '--python-exit-code', exitCode]
  }
  const opened = parts.blendfile === '' ? [] : [parts.blendfile, ...step('loaded', 0)]
  const args: string[] = []
  let number = 0
  for (const option of readOptions(parts.args)) {
    if (option.kind === 'exit-code') exitCode = option.value
    if (option.kind === 'ranges' || option.kind === 'frames' || option.kind === 'animation') {
      const frames = option.kind === 'ranges' ? { ranges: option.value } : option.kind === 'frames' ? { frames: option.frames } : {}
      args.push(...step('render', { number: number++, ...frames }), ...option.words, ...step('rendered', 0))
    } else {
      args.push(...option.words)
      if (option.kind === 'scene' || option.kind === 'format' || option.kind === 'engine') args.push(...step(option.kind, option.value))
    }
  }
  return [...before, ...opened, ...args]
}

/** Equal for two command lines that make the same picture of a frame: without frames and output path. */
export function commandHash(exe: string, { exeArgs, argsBefore, blendfile, args }: BlenderArguments): string {
  const kept = readOptions(args).filter(({ kind }) => !['ranges', 'frames', 'animation', 'output'].includes(kind))
  const words = [exe, exeArgs, argsBefore, blendfile, kept.flatMap((option) => option.words)]
  return createHash('sha256').update(JSON.stringify(words)).digest('hex')
}
