/**
 * Which Blender command lines an open Blender can handle instead of a new process. Only what is listed here, in an order
 * with the same effect; anything else gives a reason and runs in a new process.
 */

export interface BlenderArguments {
  readonly exeArgs: readonly string[]
  readonly argsBefore: readonly string[]
  readonly blendfile: string
  readonly args: readonly string[]
}

/** One change of the scene for one task, as resources/sessions/blender_bridge.py takes it. `on`: not the task's own scene. */
export type BlenderStep =
  { set: string; value: string | number | boolean; on?: string } | { camera: string; on?: string } | { format: string }

export interface BlenderPlan {
  /** Arguments before the file: what the process is started with, and part of what makes two sessions the same. */
  readonly openArgs: readonly string[]
  readonly blendfile: string
  readonly scene: string | null
  readonly steps: readonly BlenderStep[]
  readonly frames: readonly (readonly [first: number, last: number])[]
}

/** Why a command line needs its own process. */
export interface NoPlan {
  readonly reason: string
}

/** Arguments before the file that say how Blender starts; those that load or run something of the user's are not among them. */
const OPEN_FLAGS = new Set([
  '-b',
  '--background',
  '-y',
  '--enable-autoexec',
  '-Y',
  '--disable-autoexec',
  '-noaudio',
  '--factory-startup',
  '--offline-mode',
])
const OPEN_VALUES = new Set(['-t', '--threads', '--python-exit-code'])

const RANGES = /^\d+(\.\.\d+)?(,\d+(\.\.\d+)?)*$/

export function planBlender({ exeArgs, argsBefore, blendfile, args }: BlenderArguments): BlenderPlan | NoPlan {
  if (blendfile === '') return { reason: 'it opens no file' }
  const openArgs = [...exeArgs, ...argsBefore]
  const problem = openProblem(openArgs)
  if (problem !== undefined) return { reason: problem }
  const reader = new ArgumentReader()
  const failed = reader.read(args)
  if (failed !== undefined) return { reason: failed }
  const { scene, steps, frames } = reader
  if (frames === undefined) return { reason: 'it does not end with --render-frame' }
  return { openArgs, blendfile, scene, steps, frames }
}

function openProblem(openArgs: readonly string[]): string | undefined {
  let background = false
  for (let at = 0; at < openArgs.length; at++) {
    const arg = openArgs[at] ?? ''
    background ||= arg === '-b' || arg === '--background'
    if (OPEN_VALUES.has(arg)) at++
    else if (!OPEN_FLAGS.has(arg)) return `"${arg}" before the file is not one of the known arguments`
  }
  return background ? undefined : 'it does not run in the background'
}

/** Reads the arguments after the file; Blender acts on them one after the other, so each may stand only where it means the same. */
class ArgumentReader {
  scene: string | null = null
  readonly steps: BlenderStep[] = []
  frames: (readonly [number, number])[] | undefined

  /** Undefined when every argument was understood, else the reason. */
  read(args: readonly string[]): string | undefined {
    for (let at = 0; at < args.length; at += 2) {
      const name = args[at] ?? ''
      const value = args[at + 1]
      if (this.frames !== undefined && !this.mayFollowFrames(name, value)) return `"${name}" comes after --render-frame`
      if (value === undefined) return `"${name}" is not one of the known arguments`
      const problem = this.argument(name, value, at)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  /** More frames, and the rule for errors of Python, which matters to nothing that could follow. */
  private mayFollowFrames(name: string, value: string | undefined): boolean {
    if (name === '--python-expr') return declaredFrames(value ?? '') !== undefined
    return ['-f', '--render-frame', '--python-exit-code'].includes(name)
  }

  private argument(name: string, value: string, at: number): string | undefined {
    switch (name) {
      case '-S':
      case '--scene':
        // What comes before it is done to another scene.
        if (at !== 0) return '--scene is not the first argument after the file'
        this.scene = value
        return undefined
      case '-o':
      case '--render-output':
        this.steps.push({ set: 'render.filepath', value })
        return undefined
      case '-F':
      case '--render-format':
        this.steps.push({ format: value })
        return undefined
      case '-E':
      case '--engine':
        this.steps.push({ set: 'render.engine', value })
        return undefined
      case '-x':
      case '--use-extension':
        if (value !== '0' && value !== '1') return `--use-extension ${value} is neither 0 nor 1`
        this.steps.push({ set: 'render.use_file_extension', value: value === '1' })
        return undefined
      case '--python-exit-code':
        // Says what an error of Python means; an error here runs the task anew in a fresh process, where it means that.
        return undefined
      case '--python-expr': {
        const frames = declaredFrames(value)
        if (frames !== undefined) {
          this.frames = [...(this.frames ?? []), ...frames.map((frame) => [frame, frame] as const)]
          return undefined
        }
        const steps = parseExpression(value)
        if (steps === undefined) return 'its Python does more than set known settings'
        this.steps.push(...steps)
        return undefined
      }
      case '-f':
      case '--render-frame':
        if (!RANGES.test(value)) return `"${value}" is no plain list of frames`
        this.frames = [
          ...(this.frames ?? []),
          ...value.split(',').map((part) => {
            const [first = '', last = first] = part.split('..')
            return [Number(first), Number(last)] as const
          }),
        ]
        return undefined
      default:
        return `"${name}" is not one of the known arguments`
    }
  }
}

/**
 * The frames that an expression of our job types renders itself: negative ones, which `--render-frame` counts from the end
 * of the scene's range. Its first line says which. Undefined for any other expression.
 */
export function declaredFrames(code: string): number[] | undefined {
  const list = /^# framehouse: frames (-?\d+(?:,-?\d+)*)\n/.exec(code)?.[1]
  return list?.split(',').map(Number)
}

const SCENE = String.raw`bpy\.context\.scene|bpy\.data\.scenes\[(?<scene>"(?:[^"\\]|\\.)*"|'[^'\\]*')\]`
const ALIAS = new RegExp(
  String.raw`^(?<alias>[A-Za-z_]\w*)\s*=\s*(?:${SCENE})(?<path>(?:\.(?:render|cycles|eevee|display|image_settings))*)$`,
)
const DIRECT = new RegExp(String.raw`^(?:${SCENE})(?<path>(?:\.[a-z_]+)+)\s*=\s*(?<value>.+)$`)
const THROUGH = /^(?<alias>[A-Za-z_]\w*)(?<path>(?:\.[a-z_]+)+)\s*=\s*(?<value>.+)$/
const CAMERA = /^bpy\.data\.objects\[(?<name>"(?:[^"\\]|\\.)*"|'[^'\\]*')\]$/

/** Settings that one task may have and the next not: plain values whose change has no effect beyond themselves. */
const SETTABLE =
  /^(render\.(use_file_extension|use_overwrite|use_placeholder|filepath|resolution_x|resolution_y|resolution_percentage|film_transparent|use_border|use_crop_to_border|border_(min|max)_[xy]|use_compositing|use_sequencer|use_motion_blur|use_simplify|simplify_subdivision_render|threads|threads_mode|dither_intensity|image_settings\.(compression|quality))|cycles\.(samples|seed|use_animated_seed|use_denoising|use_adaptive_sampling|adaptive_threshold|time_limit|max_bounces|device)|eevee\.taa_render_samples)$/

/**
 * The steps of a Python expression that only sets such settings, such as our job types and Flamenco's write; undefined
 * when it does anything else.
 */
export function parseExpression(code: string): BlenderStep[] | undefined {
  const aliases = new Map<string, { on: string | undefined; path: string }>()
  const steps: BlenderStep[] = []
  for (const statement of statements(code)) {
    if (statement === 'import bpy') continue
    const alias = ALIAS.exec(statement)?.groups
    if (alias?.['alias'] !== undefined) {
      const on = sceneName(alias['scene'])
      if (on === null) return undefined
      aliases.set(alias['alias'], { on, path: alias['path'] ?? '' })
      continue
    }
    const step = readAssignment(statement, aliases)
    if (step === undefined) return undefined
    steps.push(step)
  }
  return steps
}

function readAssignment(
  statement: string,
  aliases: ReadonlyMap<string, { on: string | undefined; path: string }>,
): BlenderStep | undefined {
  const direct = DIRECT.exec(statement)?.groups
  const through = direct === undefined ? THROUGH.exec(statement)?.groups : undefined
  const base = direct === undefined ? aliases.get(through?.['alias'] ?? '') : { on: sceneName(direct['scene']), path: '' }
  const found = direct ?? through
  if (base === undefined || base.on === null || found === undefined) return undefined
  const path = `${base.path}${found['path'] ?? ''}`.slice(1)
  const on = base.on === undefined ? {} : { on: base.on }
  const text = (found['value'] ?? '').trim()
  if (path === 'camera') {
    const camera = unquote(CAMERA.exec(text)?.groups?.['name'])
    return camera === undefined ? undefined : { camera, ...on }
  }
  const value = literal(text)
  return value === undefined || !SETTABLE.test(path) ? undefined : { set: path, value, ...on }
}

function literal(text: string): string | number | boolean | undefined {
  if (text === 'True' || text === 'False') return text === 'True'
  if (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return Number(text)
  return /^("(?:[^"\\]|\\.)*"|'[^'\\]*')$/.test(text) ? unquote(text) : undefined
}

/** The scene that was named; undefined: the task's own. Null: its name cannot be read for certain. */
function sceneName(quoted: string | undefined): string | undefined | null {
  return quoted === undefined ? undefined : (unquote(quoted) ?? null)
}

/** The text of a quoted string without escapes that Python and JSON read differently; undefined for anything else. */
function unquote(quoted: string | undefined): string | undefined {
  if (quoted === undefined) return undefined
  if (quoted.startsWith("'")) return quoted.slice(1, -1)
  if (/\\[^"\\nrtbf]/.test(quoted.replaceAll('\\\\', ''))) return undefined
  try {
    const text: unknown = JSON.parse(quoted)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}

/** Statements of one line each: cut at `;` and line ends that stand in no quotes. */
function statements(code: string): string[] {
  const found: string[] = []
  let current = ''
  let quote = ''
  for (let at = 0; at < code.length; at++) {
    const character = code.charAt(at)
    if (quote === '' && (character === ';' || character === '\n')) {
      found.push(current)
      current = ''
      continue
    }
    if (quote !== '' && character === '\\') {
      current += character + code.charAt(++at)
      continue
    }
    if (quote === '' && (character === '"' || character === "'")) quote = character
    else if (character === quote) quote = ''
    current += character
  }
  found.push(current)
  return found.map((statement) => statement.trim()).filter((statement) => statement !== '')
}
