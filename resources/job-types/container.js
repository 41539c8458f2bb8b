const JOB_TYPE = {
  label: 'Container',
  description: 'Runs a Docker image: once, or for each frame of a range',
  settings: [
    {
      key: 'image',
      type: 'string',
      required: true,
      description: 'Image to run: name:tag, registry/name:tag or name@sha256:…. The image that really ran is recorded with its digest',
    },
    {
      key: 'command',
      type: 'string',
      default: '',
      description:
        "Arguments, with quotes as in a shell (no shell runs: for pipes write sh -c '…'). Empty: what the image says. " +
        'With frames, {frame} starts a container for each frame; {start}, {end}, {step}, {count} and {chunk} stand for what one task does.',
    },
    { key: 'frames', type: 'string', default: '', description: 'Frames in this order, such as "47", "1-30, 50", "1-100x10" (every tenth); empty: run once' },
    { key: 'chunk_size', type: 'int32', default: 1, propargs: { min: 1 }, description: 'How many frames one task does' },
    {
      key: 'output_pattern',
      type: 'string',
      subtype: 'file_path',
      default: '',
      description: 'Files that the container saves, such as /renders/shot/{frame:04}.png: shown as frames, and a missing one fails its task',
    },
    {
      key: 'mounts',
      type: 'string',
      default: '',
      description: 'Folders of the worker in the container: SOURCE:TARGET or SOURCE:TARGET:ro, separated by spaces. The worker must allow them',
    },
    {
      key: 'environment',
      type: 'string',
      default: '',
      description: 'Variables of the environment: NAME=value, separated by spaces, quoted as in a shell',
    },
    { key: 'work_dir', type: 'string', default: '', description: "Folder in the container to start in; empty: the image's own" },
    { key: 'user', type: 'string', default: '', description: 'Name, uid or uid:gid; "worker": as the worker itself, so that its files are yours' },
    { key: 'cpus', type: 'float', default: 0, propargs: { min: 0, max: 4096 }, description: 'Processor cores; 0: no limit' },
    { key: 'memory_mb', type: 'int32', default: 0, propargs: { min: 0 }, label: 'Memory (MB)', description: 'More than this ends the container; 0: no limit' },
    { key: 'pids', type: 'int32', default: 0, propargs: { min: 0 }, label: 'Processes', description: 'How many processes and threads; 0: no limit' },
    { key: 'gpus', type: 'string', default: '', label: 'GPUs', description: '"all", a number of them, or device ids with commas; empty: none' },
    { key: 'network', type: 'string', default: 'bridge', description: '"bridge", "none", or a network that the worker allows' },
    { key: 'read_only_root', type: 'bool', default: false, description: 'The container can write to its mounts only' },
    { key: 'drop_capabilities', type: 'bool', default: false, description: "Drop all Linux capabilities instead of keeping Docker's default" },
    {
      key: 'pull',
      type: 'string',
      choices: ['missing', 'always', 'never'],
      default: 'missing',
      description: 'When to fetch the image. "always" goes on with an image that is there when its registry does not answer',
    },
    {
      key: 'keep_container',
      type: 'bool',
      default: false,
      visible: 'submission',
      description:
        'One container for several tasks of the job: each command runs in it as docker exec does. The image needs a shell, and a ' +
        'command must not mind what the one before it left',
    },
    {
      key: 'timeout_seconds',
      type: 'int32',
      default: 0,
      propargs: { min: 0 },
      label: 'Time limit (s)',
      description: 'A container that runs longer is stopped and its task fails; 0: no limit',
    },
    { key: 'stop_signal', type: 'string', default: '', description: "Asks the container to end, such as SIGINT; empty: the image's own, or SIGTERM" },
    { key: 'stop_grace_seconds', type: 'int32', default: 10, propargs: { min: 0, max: 600 }, label: 'Grace (s)', description: 'From the stop signal to the kill' },
  ],
}

const MAX_CHUNK_IN_NAME = 60
// The first element of a path that is another one for each frame, and all after it.
const FROM_FIRST_FRAME = /[^\\/]*(?:#|\{(?:frame|start|end|step|chunk|count)(?::\d+)?\}).*$/
const MEGABYTE = 1048576
const MIN_MEMORY_MB = 6

function compileJob(job) {
  const settings = job.settings
  const shared = parametersOf(settings)
  // The setting stays as it was typed: a clone of the job gets files of its own.
  const stamped = { output_pattern: settings.output_pattern.replaceAll('{timestamp}', formatTimestampLocal(job.created)) }
  const outputPattern = stamped.output_pattern === '' ? '' : path.ofSetting(stamped, 'output_pattern')
  if (outputPattern !== '') job.outputDir = path.dirname(outputPattern.replace(FROM_FIRST_FRAME, '_'))
  if (settings.frames.trim() === '') {
    addTask(job, 'container', { ...shared, outputPattern }, 0)
    return
  }
  checkPattern(settings)
  for (const chunk of chunksOf(settings)) {
    const parameters = { ...shared, frames: chunk, outputPattern }
    addTask(job, `frames-${shortened(chunk)}`, parameters, frames.count(chunk))
  }
}

// A list that was cut is no list of frames any more, and says so.
function shortened(chunk) {
  return chunk.length > MAX_CHUNK_IN_NAME ? `${chunk.slice(0, MAX_CHUNK_IN_NAME)}…` : chunk
}

function addTask(job, name, parameters, steps) {
  const task = author.Task(name, 'container')
  task.addCommand(author.Command('docker-run', parameters, steps))
  job.addTask(task)
}

// What is not set is left out, so that the engine's and the image's own defaults hold.
function parametersOf(settings) {
  const memory = settings.memory_mb
  if (memory > 0 && memory < MIN_MEMORY_MB) refuse('memory_mb', `must be 0 or at least ${MIN_MEMORY_MB}: Docker takes no less`)
  return {
    image: settings.image.trim(),
    command: words(settings, 'command'),
    env: environmentOf(settings),
    mounts: words(settings, 'mounts').map(mountOf),
    workDir: settings.work_dir || undefined,
    user: settings.user.trim() || undefined,
    cpus: settings.cpus || undefined,
    memoryBytes: memory ? memory * MEGABYTE : undefined,
    pids: settings.pids || undefined,
    gpus: gpusOf(settings.gpus.trim()),
    network: settings.network.trim() || undefined,
    readOnlyRoot: settings.read_only_root || undefined,
    dropCapabilities: settings.drop_capabilities || undefined,
    pull: settings.pull,
    keepContainer: settings.keep_container || undefined,
    timeoutMs: settings.timeout_seconds * 1000 || undefined,
    stopSignal: stopSignalOf(settings.stop_signal.trim()),
    stopGraceMs: settings.stop_grace_seconds * 1000,
  }
}

function environmentOf(settings) {
  const env = {}
  for (const assignment of words(settings, 'environment')) {
    const equals = assignment.indexOf('=')
    if (equals < 1) refuse('environment', `has "${assignment}", which is not NAME=value`)
    env[assignment.slice(0, equals)] = assignment.slice(equals + 1)
  }
  return env
}

// The source may be a Windows path with a drive (C:/renders:/out): the target is the last part that begins with a slash.
function mountOf(text) {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text)
  if (!match) refuse('mounts', `has "${text}", which is not SOURCE:/target or SOURCE:/target:ro`)
  const isFolder = /^(\/|\\|\{|[A-Za-z]:[\\/])/.test(match[1])
  return { type: isFolder ? 'bind' : 'volume', source: match[1], target: match[2], readOnly: match[3] === 'ro' }
}

function gpusOf(text) {
  if (text === '') return undefined
  if (text === 'all') return 'all'
  if (/^\d+$/.test(text)) return Number(text) || undefined
  return text.split(',').map((id) => id.trim()).filter((id) => id !== '')
}

function stopSignalOf(text) {
  if (text === '') return undefined
  const signal = text.toUpperCase()
  if (!/^(SIG)?[A-Z0-9+-]{1,16}$/.test(signal)) refuse('stop_signal', `is no signal: "${text}"`)
  return signal
}

// Two tasks that write the same file would undo each other's work.
function checkPattern(settings) {
  const pattern = settings.output_pattern
  if (pattern === '' || frames.count(settings.frames) === 1) return
  if (!/\{(frame|start|end|chunk)(:\d+)?\}/.test(pattern)) {
    refuse('output_pattern', 'needs {frame}, {start}, {end} or {chunk}: otherwise all tasks write the same file')
  }
}

function chunksOf(settings) {
  try {
    return frames.chunks(settings.frames, settings.chunk_size)
  } catch (error) {
    refuse('frames', error.message)
  }
}

function words(settings, key) {
  try {
    return shellSplit(settings[key])
  } catch (error) {
    refuse(key, error.message)
  }
}

function refuse(setting, reason) {
  throw Object.assign(new Error(`settings.${setting} ${reason}`), { setting })
}
