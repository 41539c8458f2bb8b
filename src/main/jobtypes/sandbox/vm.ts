/**
 * Runs one script in a fresh QuickJS context: limits, the script API, reading the result. Used in the job-type thread
 * only, because a script may take seconds.
 */
import { Scope, type QuickJSContext, type QuickJSHandle, type QuickJSWASMModule, type VmCallResult } from 'quickjs-emscripten'
import { MAX_TASKS } from '../../engine/compile/compileTasks.ts'
import { createHostCalls } from './hostCalls.ts'
import { PRELUDE } from './prelude.ts'
import type { FileTable, RunLimits, ScriptFailure, ScriptLine } from './protocol.ts'

/** A script failed by its own fault; the interpreter is still sound. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  constructor(readonly failure: ScriptFailure) {
    super(failure.text)
  }
}

/** What scripts learn about the manager. */
export interface HostFacts {
  cwd: string
  /** In Flamenco's words: linux, darwin, windows. */
  platform: string
  /** Milliseconds since the epoch. */
  now(): number
}

/** QuickJS measures its own stack; deeper recursion than this is an error that the script can see. */
const STACK_BYTES = 512 * 1024
/** Errors that the language itself throws: they need their kind and place to make sense. Thrown `Error`s speak for themselves. */
const LANGUAGE_ERRORS = new Set(['TypeError', 'ReferenceError', 'SyntaxError', 'RangeError', 'InternalError', 'EvalError', 'URIError'])

/** A script that was loaded. Must be disposed. */
export interface LoadedScript {
  /** JOB_TYPE as JSON text; undefined when it is no object. */
  jobType(): string | undefined
  /** True when there is a function compileJob. */
  canCompile(): boolean
  /** Runs compileJob; answers the job as JSON text. @throws ScriptError */
  compile(inputJson: string, timestampSuffix: string): string
  /** Tasks [from, to) as JSON text. @throws ScriptError */
  drain(from: number, to: number): string
  dispose(): void
}

/**
 * Evaluates the script `file` of `files` in a new context with the limits. @throws ScriptError; anything else thrown
 * means that the interpreter itself broke and must not be used again.
 */
export function loadScript(
  module: QuickJSWASMModule,
  files: FileTable,
  file: string,
  limits: RunLimits,
  facts: HostFacts,
  lines: ScriptLine[],
): LoadedScript {
  const runtime = module.newRuntime()
  runtime.setMaxStackSize(STACK_BYTES)
  const deadline = facts.now() + limits.timeMs
  let interrupted = false
  runtime.setInterruptHandler(() => (interrupted ||= facts.now() > deadline))
  const vm = runtime.newContext()

  function unwrap(result: VmCallResult<QuickJSHandle>): QuickJSHandle {
    if (!result.error) return result.value
    const failure = describeError(vm, result.error)
    result.error.dispose()
    // Looking at an error runs its getters: only now it is certain that there was time for it.
    throw new ScriptError(interrupted ? timeFailure(limits) : failure)
  }
  const read = (code: string) => unwrap(vm.evalCode(code, 'framehouse.js', { strict: true }))
  const controls = installApi(vm, unwrap, files, file, facts, lines)

  function control(name: string, ...args: QuickJSHandle[]): string {
    return Scope.withScope((scope) => {
      const method = scope.manage(vm.getProp(controls, name))
      for (const arg of args) scope.manage(arg)
      return vm.getString(scope.manage(unwrap(vm.callFunction(method, vm.undefined, ...args))))
    })
  }

  const script: LoadedScript = {
    jobType: () => readText(vm, read('typeof JOB_TYPE === "object" && JOB_TYPE !== null ? JSON.stringify(JOB_TYPE) : undefined')),
    canCompile: () => readText(vm, read('typeof compileJob')) === 'function',
    compile: (inputJson, timestampSuffix) => control('compile', read('compileJob'), vm.newString(inputJson), vm.newString(timestampSuffix)),
    drain: (from, to) => control('drain', vm.newNumber(from), vm.newNumber(to)),
    dispose() {
      controls.dispose()
      vm.dispose()
      runtime.dispose()
    },
  }
  try {
    unwrap(vm.evalCode(files.get(file) ?? '', fileName(file), { strict: true, type: 'global' })).dispose()
  } catch (error) {
    if (error instanceof ScriptError) script.dispose()
    throw error
  }
  return script
}

function installApi(
  vm: QuickJSContext,
  unwrap: (result: VmCallResult<QuickJSHandle>) => QuickJSHandle,
  files: FileTable,
  file: string,
  facts: HostFacts,
  lines: ScriptLine[],
): QuickJSHandle {
  const answer = createHostCalls(files, lines)
  const call = vm.newFunction('call', (name, args) => {
    // The prelude made this text from an array.
    const list = JSON.parse(vm.getString(args)) as unknown[]
    return vm.newString(JSON.stringify(answer(vm.getString(name), list) ?? null))
  })
  const load = vm.newFunction('load', (handle) => {
    const key = vm.getString(handle)
    const source = files.get(key) ?? ''
    if (key.endsWith('.json')) return vm.newString(source)
    // On one line with the script's first, so that line numbers in errors are the file's.
    return vm.evalCode(`(function (exports, require, module, __filename, __dirname) { "use strict"; ${source}\n})`, fileName(key))
  })
  const known = vm.newString(JSON.stringify({ cwd: facts.cwd, platform: facts.platform, file, maxTasks: MAX_TASKS }))
  const parsed = unwrap(vm.evalCode('JSON.parse', 'framehouse.js'))
  const factsHandle = unwrap(vm.callFunction(parsed, vm.undefined, known))
  const prelude = unwrap(vm.evalCode(PRELUDE, 'framehouse.js'))
  const controls = unwrap(vm.callFunction(prelude, vm.undefined, call, load, factsHandle))
  for (const handle of [call, load, known, parsed, factsHandle, prelude]) handle.dispose()
  return controls
}

/** The text in a handle, undefined when it is none; the handle is disposed. */
function readText(vm: QuickJSContext, handle: QuickJSHandle): string | undefined {
  return handle.consume((value) => (vm.typeof(value) === 'string' ? vm.getString(value) : undefined))
}

/** Name in error messages: the path inside its script folder. */
function fileName(key: string): string {
  return key.slice(key.indexOf('/') + 1)
}

function timeFailure(limits: RunLimits): ScriptFailure {
  return { kind: 'limit', text: `the script took longer than ${limits.timeMs / 1000} s` }
}

function describeError(vm: QuickJSContext, handle: QuickJSHandle): ScriptFailure {
  const thrown: unknown = vm.dump(handle)
  if (typeof thrown !== 'object' || thrown === null) {
    // Out of memory can leave nothing to throw.
    return thrown === null ? memoryFailure() : { kind: 'script', text: String(thrown) }
  }
  const { name, message, stack, setting } = thrown as Partial<Record<string, unknown>>
  if (name === 'InternalError' && message === 'out of memory') return memoryFailure()
  const words = typeof message === 'string' && message !== '' ? message : String(name ?? JSON.stringify(thrown))
  const failure: ScriptFailure = { kind: 'script', text: isLanguageError(name) ? `${name}: ${words}${placeOf(stack)}` : words }
  if (typeof setting === 'string') failure.setting = setting
  return failure
}

function isLanguageError(name: unknown): name is string {
  return typeof name === 'string' && LANGUAGE_ERRORS.has(name)
}

function memoryFailure(): ScriptFailure {
  return { kind: 'limit', text: 'the script needed more memory than scripts may have' }
}

/** ` (file.js:12)` from the innermost line of a stack that is the script's own. */
function placeOf(stack: unknown): string {
  if (typeof stack !== 'string') return ''
  for (const line of stack.split('\n')) {
    const place = /(?:\(|at )([^() ]+\.js:\d+)(?::\d+)?\)?\s*$/.exec(line)?.[1]
    if (place !== undefined && !place.startsWith('framehouse.js')) return ` (${place})`
  }
  return ''
}
