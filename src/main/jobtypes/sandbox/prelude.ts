/**
 * The script API inside the sandbox, in the sandbox's own JavaScript (QuickJS, not Node): evaluated before a job type's
 * script, in the same context, as a function that gets the host's two functions and returns the controls.
 *
 * - `call(name, argumentsJson) → json`: pure helpers of the host (frames, paths, shell words, time, printing)
 * - `load(key) → function | text`: a module of the script folders
 *
 * What a script does to these objects, it does to itself: everything that leaves the context is text, and checked.
 */
export const PRELUDE = String.raw`(function (call, load, facts) {
  'use strict'
  const { parse, stringify } = JSON
  const isList = Array.isArray
  const globals = globalThis

  function ask(name, ...args) {
    return parse(call(name, stringify(args)))
  }

  // Values as people want to read them in a log line.
  function show(value) {
    if (typeof value === 'string') return value
    if (value instanceof Error) return String(value)
    if (typeof value !== 'object' || value === null) return String(value)
    try {
      return stringify(value)
    } catch {
      return String(value)
    }
  }

  // Authoring ---------------------------------------------------------------------------------------------------

  // Number of a task, in the order of author.Task: finds a dependency among the tasks of the job.
  const ID = Symbol('id')
  let ids = 0
  // By number of a task: true once the job shares its lists; they are copied before the next change.
  const shared = []

  class AuthoredTask {
    constructor(id, name, type, priority, commands, dependencies, optional) {
      this[ID] = id
      this.name = name
      this.type = type
      this.priority = priority
      this.commands = commands
      this.dependencies = dependencies
      // Its failure is a warning: the job goes on as if it had completed.
      this.optional = optional
    }
    get uUID() {
      return '00000000-0000-4000-8000-' + this[ID].toString(16).padStart(12, '0')
    }
    addCommand(command) {
      if (typeof command !== 'object' || command === null) throw new TypeError('task.addCommand(command): command is required')
      if (shared[this[ID]]) ownLists(this)
      this.commands.push(command)
    }
    addDependency(task) {
      if (!(task instanceof AuthoredTask)) throw new TypeError('task.addDependency(task): a task made by author.Task is required')
      if (shared[this[ID]]) ownLists(this)
      this.dependencies.push(task)
    }
  }

  function ownLists(task) {
    task.commands = task.commands.slice()
    task.dependencies = task.dependencies.slice()
    shared[task[ID]] = false
  }

  function word(value) {
    return typeof value === 'string' ? value.trim() : value === undefined || value === null ? '' : String(value).trim()
  }

  const author = {
    Task: function (name, type) {
      const trimmedName = word(name)
      const trimmedType = word(type)
      if (trimmedName === '') throw new Error('author.Task(name, type): name is required')
      if (trimmedType === '') throw new Error('author.Task(name, type): type is required')
      return new AuthoredTask(ids++, trimmedName, trimmedType, 50, [], [], false)
    },
    Command: function (name, parameters, totalStepCount) {
      return { name: String(name), parameters: parameters, totalStepCount: totalStepCount === undefined ? 0 : totalStepCount }
    },
  }

  const VALUES = 7

  class Job {
    // What was added, seven values a task: number, name, type, priority, commands, dependencies, optional. A hundred thousand
    // copies cost time; they are made when a script asks for the tasks, and are the truth from then on.
    #added = []
    #tasks
    constructor(input) {
      Object.assign(this, input)
      this.created = new Date(input.created)
    }
    // The task as it is now: commands and dependencies added to it later are not part of the job.
    addTask(task) {
      if (!(task instanceof AuthoredTask)) throw new TypeError('job.addTask(task): a task made by author.Task is required')
      if (!isList(task.commands) || !isList(task.dependencies)) {
        throw new TypeError('task "' + task.name + '": commands and dependencies must be lists')
      }
      if (this.#added.length >= VALUES * facts.maxTasks) throw new Error('a job has at most ' + facts.maxTasks + ' tasks')
      shared[task[ID]] = true
      this.#added.push(task[ID], task.name, task.type, task.priority, task.commands, task.dependencies, task.optional === true)
      if (this.#tasks !== undefined) this.#tasks.push(copyAt(this.#added, this.#added.length - VALUES))
    }
    get tasks() {
      if (this.#tasks !== undefined) return this.#tasks
      this.#tasks = []
      for (let at = 0; at < this.#added.length; at += VALUES) this.#tasks.push(copyAt(this.#added, at))
      return this.#tasks
    }
    static added(job) {
      if (job.#tasks === undefined) return job.#added
      return job.#tasks.flatMap((task) => [
        task[ID], task.name, task.type, task.priority, task.commands, task.dependencies, task.optional === true])
    }
  }

  function copyAt(added, at) {
    return new AuthoredTask(added[at], added[at + 1], added[at + 2], added[at + 3], added[at + 4], added[at + 5], added[at + 6])
  }

  // Paths -------------------------------------------------------------------------------------------------------
  // Scripts run on the manager and write paths for any platform: both slashes separate, forward ones come out.

  const path = {
    // Last element without trailing slashes; '.' for nothing.
    basename(value) {
      const text = String(value)
      if (text === '') return '.'
      const trimmed = text.replaceAll('\\', '/').replace(/\/+$/, '')
      return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1)
    },
    // Everything before the last slash; nothing is cleaned, so UNC paths and '..' stay.
    dirname(value) {
      const text = String(value).replaceAll('\\', '/')
      const at = text.lastIndexOf('/')
      return at < 0 ? '.' : at === 0 ? '/' : text.slice(0, at)
    },
    // Skips empty parts, cleans '.', '..' and doubled slashes, and only then turns backslashes.
    join(...parts) {
      const joined = parts.map(String).filter((part) => part !== '').join('/')
      return joined === '' ? '' : clean(joined).replaceAll('\\', '/')
    },
    // The basename without its last extension.
    stem(value) {
      const base = path.basename(value)
      const dot = base.lastIndexOf('.')
      return dot < 0 ? base : base.slice(0, dot)
    },
    // The path of a setting as every worker understands it; a relative one is taken from base, or refused without one.
    ofSetting(settings, key, base) {
      try {
        return ask('path.place', String(settings[key]), base === undefined ? null : String(base))
      } catch (error) {
        throw Object.assign(new Error('settings.' + key + ' ' + error.message), { setting: key })
      }
    },
    // A name for a file or folder that is safe on every system.
    safeName: (text) => ask('path.safeName', String(text)),
    // The path as a glob pattern that matches nothing else.
    globLiteral: (value) => ask('path.globLiteral', String(value)),
  }

  function clean(text) {
    const rooted = text.startsWith('/')
    const kept = []
    for (const element of text.split('/')) {
      if (element === '' || element === '.') continue
      if (element !== '..') kept.push(element)
      else if (kept.length > 0 && kept[kept.length - 1] !== '..') kept.pop()
      else if (!rooted) kept.push('..')
    }
    return (rooted ? '/' : '') + kept.join('/') || '.'
  }

  // Modules -----------------------------------------------------------------------------------------------------

  const process = { cwd: () => facts.cwd, platform: facts.platform }
  const own = { author, path, process }

  const modules = new Map()
  function requireFrom(from) {
    return function require(name) {
      const wanted = String(name)
      if (Object.hasOwn(own, wanted)) return own[wanted]
      const key = ask('resolve', from, wanted)
      if (key === null) throw new Error('cannot find module "' + wanted + '" in the script folders')
      const known = modules.get(key)
      if (known !== undefined) return known.exports
      const module = { id: key, exports: {} }
      modules.set(key, module)
      try {
        const loaded = load(key)
        if (typeof loaded === 'string') module.exports = parse(loaded)
        else loaded.call(module.exports, module.exports, requireFrom(key), module, key, path.dirname(key))
      } catch (error) {
        modules.delete(key)
        throw error
      }
      return module.exports
    }
  }

  // Globals -----------------------------------------------------------------------------------------------------

  // Time of submission, and what tells the job's own folders from those of another job of the same second.
  const submitted = { at: undefined, suffix: '' }
  const digits = /^[0-9]{1,9}$/
  function frameCount(frames) {
    const text = String(frames)
    return digits.test(text) ? 1 : ask('frameCount', text)
  }

  // Frames in the order in which they are written, with steps and negative ones; frameChunker and frameCount are Flamenco's.
  const frames = {
    chunks: (text, chunkSize) => ask('frames.chunks', String(text), Number(chunkSize)).split(';'),
    count: (text) => (digits.test(String(text)) ? 1 : frames.facts(text).count),
    // { count, lowest, highest }
    facts: (text) => ask('frames.facts', String(text)),
    // Words for one --render-frame after the other.
    forBlender(text) {
      if (digits.test(text)) return [text]
      return ask('frames.forBlender', String(text))
    },
  }

  Object.assign(globals, {
    author,
    frames,
    path,
    process,
    require: requireFrom(facts.file),
    print: (...args) => void call('print', stringify(args.map(show))),
    alert: (...args) => void call('alert', stringify(args.map(show))),
    frameChunker: (frames, chunkSize) => ask('frameChunker', String(frames), Number(chunkSize)).split(';'),
    frameCount,
    formatTimestampLocal(time) {
      const at = new Date(time).getTime()
      return ask('formatTimestampLocal', at) + (at === submitted.at ? submitted.suffix : '')
    },
    shellSplit: (line) => ask('shellSplit', String(line)),
  })

  // Handing over ------------------------------------------------------------------------------------------------
  // Most tasks differ from an earlier one in a few values. For the first few shapes of command lists a function is
  // generated that compares a list with the first of its shape and collects what differs; only that leaves the sandbox.

  const MAX_REFERENCES = 16
  const references = []

  function isValue(value) {
    const type = typeof value
    return type === 'string' || type === 'number' || type === 'boolean' || value === null
  }

  // Source of a function (commands, out): false when the shape differs, else pushes leaf number and value of what differs.
  function comparator(reference) {
    const source = []
    const values = []
    let leaves = 0
    let names = 0
    function check(expected, place, fixed) {
      const at = 'v' + names++
      source.push('const ' + at + ' = ' + place)
      if (isList(expected)) {
        source.push('if (!isArray(' + at + ') || ' + at + '.length !== ' + expected.length + ') return false')
        if (expected.length === 0) leaves += 1
        expected.forEach((item, index) => check(item, at + '[' + index + ']', false))
      } else if (typeof expected === 'object' && expected !== null) {
        const all = Object.keys(expected)
        source.push('if (typeof ' + at + ' !== "object" || ' + at + ' === null || isArray(' + at + ')) return false')
        source.push('if (keys(' + at + ').length !== ' + all.length + ') return false')
        if (all.length === 0) leaves += 1
        for (const key of all) check(expected[key], at + '[' + stringify(key) + ']', false)
      } else {
        const leaf = leaves++
        values.push(expected)
        const other = at + ' !== values[' + (values.length - 1) + ']'
        source.push(fixed ? 'if (' + other + ') return false'
          : 'if (' + other + ') { if (!isValue(' + at + ')) return false; out.push(' + leaf + ', ' + at + ') }')
      }
    }
    // Names and step counts belong to the shape.
    source.push('if (commands.length !== ' + reference.length + ') return false')
    reference.forEach((command, index) => {
      const at = 'c' + index
      source.push('const ' + at + ' = commands[' + index + ']')
      check(command.name, at + '.name', true)
      check(command.parameters, at + '.parameters', false)
      check(command.totalStepCount, at + '.totalStepCount', true)
    })
    const body = '"use strict"\nreturn (commands, out) => {\n' + source.join('\n') + '\nreturn true }'
    return Function('values', 'isArray', 'keys', 'isValue', body)(values, isList, Object.keys, isValue)
  }

  // Only what author.Command made: then leaves are counted on both sides in the same way.
  function isPlain(commands) {
    return commands.every((command) => typeof command === 'object' && command !== null
      && Object.keys(command).join() === 'name,parameters,totalStepCount'
      && typeof command.parameters === 'object' && command.parameters !== null)
  }

  // Puts four values into the row: name; 0 or, where they differ from the task before, [type, priority, dependencies, optional];
  // commands and their number as a reference (or null), or number of a reference and differences.
  function handOver(name, head, commands, row) {
    let differences = []
    for (let at = 0; at < references.length; at++) {
      if (references[at](commands, differences)) return void row.push(name, head, at, differences)
      if (differences.length > 0) differences = []
    }
    if (references.length === MAX_REFERENCES) return void row.push(name, head, commands, null)
    const copy = parse(stringify(commands))
    row.push(name, head, commands, isPlain(copy) ? references.push(comparator(copy)) - 1 : null)
  }

  let added
  const positions = []

  function positionsOf(dependencies, name) {
    return dependencies.map((other) => {
      const position = positions[other[ID]]
      if (position !== undefined) return position
      throw new Error('task "' + name + '" depends on task "' + other.name + '", which was not added to the job')
    })
  }

  return {
    compile(compileJob, inputJson, timestampSuffix) {
      const job = new Job(parse(inputJson))
      submitted.at = job.created.getTime()
      submitted.suffix = timestampSuffix
      compileJob(job)
      added = Job.added(job)
      for (let at = 0; at < added.length; at += VALUES) {
        if (positions[added[at]] !== undefined) throw new Error('task "' + added[at + 1] + '" was added to the job twice')
        positions[added[at]] = at / VALUES + 1
      }
      return stringify({
        name: job.name,
        priority: job.priority,
        settings: job.settings,
        metadata: job.metadata,
        outputDir: job.outputDir,
        taskCount: added.length / VALUES,
      })
    },
    // Tasks [from, to) as one list in JSON, four values a task: those of handOver.
    drain(from, to) {
      const row = []
      let lastType
      let lastPriority
      for (let at = VALUES * from; at < VALUES * to && at < added.length; at += VALUES) {
        const name = added[at + 1]
        const type = added[at + 2]
        const priority = added[at + 3]
        const dependencies = added[at + 5]
        const optional = added[at + 6]
        const plain = dependencies.length === 0 && !optional
        const same = type === lastType && priority === lastPriority && plain
        handOver(name, same ? 0 : [type, priority, positionsOf(dependencies, name), optional], added[at + 4], row)
        // After a task with dependencies, or an optional one, the next one is sent in full.
        lastType = plain ? type : undefined
        lastPriority = priority
      }
      return stringify(row)
    },
  }
})`
