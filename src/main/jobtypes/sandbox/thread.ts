/**
 * Entry of the job-type thread: a worker_thread that runs scripts one after the other. It holds nothing that a script
 * could want, and is killed and replaced when a script does not end or breaks the interpreter.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { newQuickJSWASMModuleFromVariant, newVariant, RELEASE_SYNC, type QuickJSWASMModule } from 'quickjs-emscripten'
import { compileScript, describeScript, type ScriptRun } from './compileScript.ts'
import type { FileTable, ScriptFailure, ScriptLine, ThreadData, ThreadReady, ThreadReply, ThreadRequest } from './protocol.ts'
import { ScriptError } from './vm.ts'

declare global {
  // Without the DOM's types this class is missing.
  // eslint-disable-next-line @typescript-eslint/no-namespace -- it is a namespace in the standard types too
  namespace WebAssembly {
    class Memory {
      constructor(limits: { initial: number; maximum: number })
      readonly buffer: ArrayBuffer
    }
  }
}

const PAGE = 65_536
/** What the interpreter starts with. */
const INITIAL_BYTES = 16 * 1_048_576
/** WebAssembly memory never shrinks: an interpreter that has grown beyond this is replaced when nothing came for a while. */
const KEEP_BYTES = 64 * 1_048_576
const SHRINK_AFTER_MS = 20_000

interface Interpreter {
  module: QuickJSWASMModule
  memory: WebAssembly.Memory
}

/** QuickJS cannot count its memory in this build; the memory it is given ends where the limit is. */
async function createInterpreter({ memoryBytes }: ThreadData): Promise<Interpreter> {
  const memory = new WebAssembly.Memory({ initial: INITIAL_BYTES / PAGE, maximum: Math.ceil(Math.max(memoryBytes, INITIAL_BYTES) / PAGE) })
  return { module: await newQuickJSWASMModuleFromVariant(newVariant(RELEASE_SYNC, { wasmMemory: memory })), memory }
}

const port = parentPort
if (port === null) throw new Error('this file runs as a worker thread only')

// The sandbox starts this thread with it.
const data = workerData as ThreadData
let interpreter = createInterpreter(data)
let shrinkTimer: NodeJS.Timeout | undefined
let files: FileTable = new Map()
const facts = {
  cwd: process.cwd(),
  platform: process.platform === 'win32' ? 'windows' : process.platform,
  now: Date.now,
}

type Work = Exclude<ThreadRequest, { op: 'files' }>

function answer(module: QuickJSWASMModule, request: Work): ThreadReply {
  const lines: ScriptLine[] = []
  const run: ScriptRun = { module, files, file: request.file, limits: request.limits, facts, lines }
  try {
    if (request.op === 'describe') return { id: request.id, lines, ok: true, description: describeScript(run) }
    return { id: request.id, lines, ok: true, compiled: compileScript(run, request.input) }
  } catch (error) {
    return { id: request.id, lines, ok: false, failure: failureOf(error) }
  }
}

/** Any error that is not the script's own came from the interpreter, which is no longer reliable. */
function failureOf(error: unknown): ScriptFailure {
  if (error instanceof ScriptError) return error.failure
  if (error instanceof RangeError) return { kind: 'crash', text: 'the script nests or recurses too deeply' }
  return { kind: 'crash', text: `the script broke its interpreter: ${error instanceof Error ? error.message : String(error)}` }
}

async function handle(request: ThreadRequest): Promise<void> {
  if (request.op === 'files') {
    files = request.files
    return
  }
  clearTimeout(shrinkTimer)
  const { module, memory } = await interpreter
  const reply = answer(module, request)
  port?.postMessage(reply)
  const sound = reply.ok || reply.failure.kind === 'script' || reply.failure.kind === 'tasks'
  if (!sound) replaceInterpreter()
  else if (memory.buffer.byteLength > KEEP_BYTES) shrinkTimer = setTimeout(replaceInterpreter, SHRINK_AFTER_MS)
}

function replaceInterpreter(): void {
  interpreter = createInterpreter(data)
}

let last = interpreter.then(() => port.postMessage({ ready: true } satisfies ThreadReady))
port.on('message', (request: ThreadRequest) => {
  last = last.then(() => handle(request))
})
