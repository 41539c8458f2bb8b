/**
 * Parses Blender's output, line by line, for versions 2.8 to 5.x. Pure: a line in, a fact out.
 * Before 5.0 lines have no prefix (`Saved: '…'`); since then a log prefix comes first
 * (`00:01.234  render           | Saved: '…'`). Only Cycles and EEVEE report the current frame; Workbench does not.
 */

export type BlenderFact =
  /** Progress on a frame, as short text, when the line contains it. */
  | { type: 'frame'; frame: number; doing: string | undefined }
  /** A file was saved. `plain`: without quotes, as Blender before 4 reports files of the compositor's output nodes. */
  | { type: 'saved'; path: string; plain?: true }
  /** A frame is done; times in milliseconds. */
  | { type: 'timed'; totalMs: number; savingMs: number }
  /** A frame was not rendered because its file is there already. */
  | { type: 'skipped'; path: string | undefined }
  | { type: 'problem'; problem: Problem }
  /** Start of a Python error: the first following line without indentation contains the message. */
  | { type: 'traceback' }

export interface Problem {
  text: string
  /** Suggested remedy; empty when there is none. */
  advice: string
  /** The saved file cannot be right (Cycles saves black frames when memory runs out), even if Blender ends with exit code 0. */
  fatal: boolean
  /** Reported by one of our scripts: the reason, whatever else was reported before. */
  ours?: true
  /** Of a successful render: people get a warning with this code. */
  code?: 'missing-library' | 'missing-file' | 'script-error'
}

/** Blender 5: time since start, category, bar. */
const LOG_PREFIX = /^(?:\d+:)*\d+[.:]\d+\s+([\w.]+)\s+\|\s+/

/** The fact in one line of output; undefined when there is none. */
export function parseBlenderLine(line: string): BlenderFact | undefined {
  const prefix = LOG_PREFIX.exec(line)
  const text = (prefix === null ? line : line.slice(prefix[0].length)).trim()
  if (text === '') return undefined
  return parseSaved(text) ?? parseTimed(text) ?? parseSkipped(text) ?? parseFrame(text) ?? parseProblem(text.slice(0, PROBLEM_LENGTH))
}

function parseSaved(text: string): BlenderFact | undefined {
  const path = /^Saved: ['"](.*)['"]$/.exec(text)?.[1]
  if (path !== undefined) return { type: 'saved', path }
  const plain = /^Saved: ((?:\/|\\\\|[A-Za-z]:[\\/]).*)$/.exec(text)?.[1]
  return plain === undefined ? undefined : { type: 'saved', path: plain, plain: true }
}

function parseTimed(text: string): BlenderFact | undefined {
  const times = /^Time: ([\d:.]+)(?: \(Saving: ([\d:.]+)\))?/.exec(text)
  if (times?.[1] === undefined) return undefined
  return { type: 'timed', totalMs: clockMs(times[1]), savingMs: clockMs(times[2] ?? '0') }
}

function parseSkipped(text: string): BlenderFact | undefined {
  const skipped = /^skipping existing frame(?: ["'](.*)["'])?/i.exec(text)
  return skipped === null ? undefined : { type: 'skipped', path: skipped[1] }
}

/** `Fra:12 Mem:… | Time:… | Scene, ViewLayer | Sample 3/64`, `Fra: 12 | Mem: 30M | Sample 3/64`, `Rendering frame 12`. */
function parseFrame(text: string): BlenderFact | undefined {
  const found = /^(?:Fra: ?|Rendering frame |Rendering single frame \(frame )(-?\d+)/.exec(text)
  if (found?.[1] === undefined) return undefined
  return { type: 'frame', frame: Number(found[1]), doing: describeWork(text) }
}

/** Samples and tiles first, then the last part of the line, without memory and time. */
function describeWork(text: string): string | undefined {
  const tiles = /Rendered (\d+)\/(\d+) Tiles/.exec(text)
  const samples = /Sample (\d+)\/(\d+)/.exec(text) ?? /Rendering\s+(\d+)\s*\/\s*(\d+) samples/.exec(text)
  const tile = /Path Tracing Tile (\d+)\/(\d+)/.exec(text)
  const remaining = /Remaining: ?([\d:.]+)/.exec(text)?.[1]
  const left = remaining === undefined ? '' : `, ${remaining} left`
  const counts = [
    ...(tiles === null ? [] : [`tile ${tiles[1]}/${tiles[2]}`]),
    ...(tile === null ? [] : [`tile ${tile[1]}/${tile[2]}`]),
    ...(samples === null ? [] : [`sample ${samples[1]}/${samples[2]}`]),
  ]
  if (counts.length > 0) return counts.join(', ') + left
  const last = text.split('|').at(-1)?.trim() ?? ''
  return last === '' || /^(Fra|Mem|Time|Rendering frame)/.test(last) ? undefined : last
}

/** Blender's error messages are short; an add-on's page of data need not be searched for one. */
const PROBLEM_LENGTH = 1_000

const PROBLEMS: readonly { pattern: RegExp; advice: string; fatal: boolean; code?: Problem['code'] }[] = [
  {
    pattern: /Build without OpenImageDenoise|OpenImageDenoise(r)? is not supported|denoiser .*(not available|not supported)/i,
    advice: 'this Blender was built without OpenImageDenoise: switch denoising off in the scene, or install the Blender of blender.org',
    fatal: true,
  },
  {
    pattern: /out of\b.*\bmemory|CUDA_ERROR_OUT_OF_MEMORY|Malloc returns null|std::bad_alloc/i,
    advice: 'the scene needs more memory than this machine has free',
    fatal: true,
  },
  { pattern: /Cannot read file ['"]/i, advice: 'is the file on a disk that this worker can see, and is it complete?', fatal: false },
  {
    pattern: /not a blend file|Failed to read blend file|File format is not supported|created by a newer version/i,
    advice: 'a newer Blender may be needed',
    fatal: false,
  },
  { pattern: /Cannot render, no camera|No camera found in scene/i, advice: 'the scene has no active camera', fatal: false },
  {
    pattern: /Render error .* cannot save|cannot save: ['"]|Cannot save Node File Output|Error writing (image|file|render result)/i,
    advice: 'can this worker write to the output folder, and is there space?',
    fatal: true,
  },
  {
    pattern:
      /(LIB: .*(not found|Unable to|missing|unknown|failed))|(Unable to open|Cannot find) lib|missing (linked )?librar(y|ies)|lib(rary)?.*could not be (opened|found)/i,
    advice: 'a linked library is missing: are all files on a disk that this worker can see?',
    fatal: false,
    code: 'missing-library',
  },
  {
    pattern: /No compatible GPUs? found|Failed to create (CUDA|OptiX|HIP|Metal|oneAPI) context|No device available/i,
    advice: '',
    fatal: false,
  },
]

function parseProblem(text: string): BlenderFact | undefined {
  for (const { pattern, advice, fatal, code } of PROBLEMS) {
    if (!pattern.test(text)) continue
    return { type: 'problem', problem: { text: clean(text), advice, fatal, ...(code !== undefined && { code }) } }
  }
  if (/^(Error: )?(Python: )?Traceback \(most recent call last\):/.test(text)) return { type: 'traceback' }
  // The scripts of our own job types end with a reason.
  const reason = /^framehouse: (.+)/.exec(text)?.[1]
  if (reason !== undefined) return { type: 'problem', problem: { text: reason, advice: '', fatal: false, ours: true } }
  // Blender's own reports; display errors do not affect a background render.
  if (/^Error: /.test(text)) return { type: 'problem', problem: { text: clean(text), advice: '', fatal: false } }
  return undefined
}

function clean(text: string): string {
  return text.replace(/^Error: /, '').slice(0, 500)
}

/** `01:02.50`, `1:02:03.5`, `4.2` → milliseconds. */
export function clockMs(clock: string): number {
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return Number.isFinite(seconds) ? Math.round(seconds * 1000) : 0
}

/**
 * The numbers in a file's name that may be its frame, the most likely first: trailing ones, but a version or a view may follow
 * them (`beauty_0012.png`, `0012_L.exr`, `v0012_003.png`), so all are returned, and a caller that knows the frames chooses.
 */
export function framesInName(path: string): number[] {
  const name = path.split(/[\\/]/).at(-1) ?? ''
  const stem = name.replace(/\.[A-Za-z][A-Za-z0-9]*$/, '')
  const found: number[] = []
  for (const match of stem.matchAll(/\d+/g)) {
    // A dash is a sign where no word precedes it: `shot-0012` is frame 12, `shot_-0012` is frame -12.
    const before = stem.slice(0, match.index)
    const negative = /(^|[^A-Za-z0-9])-$/.test(before)
    found.push(negative ? -Number(match[0]) : Number(match[0]))
  }
  return found.reverse()
}

/** The likeliest frame number in a file's name; undefined when there is none. */
export function frameOfPath(path: string): number | undefined {
  return framesInName(path)[0]
}

/** Frames that Blender's arguments ask for, all of them for `-a`; undefined when they do not say. */
export function requestedFrames(args: readonly string[]): { first: number; last: number }[] | undefined {
  const found: { first: number; last: number }[] = []
  for (const [index, arg] of args.entries()) {
    if (arg === '-a' || arg === '--render-anim') found.push({ first: Number.NEGATIVE_INFINITY, last: Number.POSITIVE_INFINITY })
    if (arg !== '-f' && arg !== '--render-frame') continue
    for (const part of (args[index + 1] ?? '').split(',')) {
      const [, first, last] = /^(-?\d+)(?:\.\.(-?\d+))?$/.exec(part.trim()) ?? []
      if (first === undefined) return undefined
      found.push({ first: Number(first), last: Number(last ?? first) })
    }
  }
  return found.length === 0 ? undefined : found
}
