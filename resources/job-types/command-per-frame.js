const JOB_TYPE = {
  label: 'Command per Frame',
  description: 'Runs any command-line program for a range of frames: a renderer, a simulation, a converter',
  settings: [
    {
      key: 'command',
      type: 'string',
      required: true,
      description:
        'Program and arguments. {frame} stands for the frame and runs the program once per frame; {start}, {end}, {step}, {count} ' +
        'and {chunk} stand for what one task does. Numbers take a width: {frame:04}. Quotes work as in a shell, nothing else does.',
    },
    { key: 'frames', type: 'string', required: true, description: 'Frames in this order, such as "47", "1-30, 50", "1-100x10" (every tenth), "10-1" or "-5..5"' },
    { key: 'chunk_size', type: 'int32', default: 1, propargs: { min: 1 }, description: 'How many frames one task does' },
    {
      key: 'output_pattern',
      type: 'string',
      subtype: 'file_path',
      default: '',
      description: 'Files that the program writes, such as /renders/shot/{frame:04}.exr: shown as frames, and a missing one fails its task. A relative one is taken from work_dir',
    },
    {
      key: 'work_dir',
      type: 'string',
      subtype: 'dir_path',
      default: '',
      description: 'Folder to run in; empty: a temporary one for each task',
    },
    {
      key: 'environment',
      type: 'string',
      default: '',
      description: 'Variables of the environment: NAME=value, separated by spaces, quoted as in a shell',
    },
    {
      key: 'session_open',
      type: 'string',
      default: '',
      visible: 'submission',
      description:
        'For a program that stays open and takes a line of text for each frame: how it is opened. The command above is then what ' +
        'runs where it cannot stay open.',
    },
    { key: 'session_ready', type: 'string', default: '', visible: 'submission', description: 'Text of the line that says that it is ready for a frame' },
    {
      key: 'session_frame',
      type: 'string',
      default: '',
      visible: 'submission',
      description: 'What is written to its input for a frame, with the same placeholders as the command',
    },
    { key: 'session_failed', type: 'string', default: '', visible: 'submission', description: 'Text of a line that says that the frame failed' },
    { key: 'session_close', type: 'string', default: '', visible: 'submission', description: 'What is written to its input at the end' },
  ],
}

// So long a range in a task's name would not be read.
const MAX_CHUNK_IN_NAME = 60

// The first element of a path that is another one for each frame, and all after it.
const FROM_FIRST_FRAME = /[^\\/]*(?:#|\{(?:frame|start|end|step|chunk|count)(?::\d+)?\}).*$/

function compileJob(job) {
  const settings = job.settings
  const [exe, ...args] = words(settings, 'command')
  if (!exe) refuse('command', 'names no program')
  const env = words(settings, 'environment')
  for (const assignment of env) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*=/.test(assignment)) refuse('environment', `has "${assignment}", which is not NAME=value`)
  }
  const chunks = chunksOf(settings)
  checkPattern(settings)
  const session = sessionOf(settings)
  const workDir = settings.work_dir === '' ? '' : path.ofSetting(settings, 'work_dir')
  // The setting stays as it was typed: a clone of the job gets files of its own.
  const stamped = { output_pattern: settings.output_pattern.replaceAll('{timestamp}', formatTimestampLocal(job.created)) }
  const outputPattern = stamped.output_pattern === '' ? '' : path.ofSetting(stamped, 'output_pattern', workDir || undefined)
  if (outputPattern !== '') job.outputDir = path.dirname(outputPattern.replace(FROM_FIRST_FRAME, '_'))

  for (const chunk of chunks) {
    const task = author.Task(`frames-${shortened(chunk)}`, 'command')
    const parameters = { exe, args, frames: chunk, outputPattern, env, workDir, ...session }
    task.addCommand(author.Command('run-frames', parameters, frames.count(chunk)))
    job.addTask(task)
  }
}

// A list that was cut is no list of frames any more, and says so.
function shortened(chunk) {
  return chunk.length > MAX_CHUNK_IN_NAME ? `${chunk.slice(0, MAX_CHUNK_IN_NAME)}…` : chunk
}

function sessionOf(settings) {
  const open = words(settings, 'session_open')
  if (open.length === 0) return {}
  if (settings.session_ready === '') refuse('session_ready', 'is needed: it tells when the program is ready for a frame')
  if (settings.session_frame === '') refuse('session_frame', 'is needed: it tells the program to do a frame')
  const { session_ready: ready, session_frame: frame, session_failed: failed, session_close: close } = settings
  return { session: { open, ready, frame, failed, close } }
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

// Two tasks that write the same file would undo each other's work.
function checkPattern(settings) {
  const pattern = settings.output_pattern
  if (pattern === '' || frames.count(settings.frames) === 1) return
  if (!/\{(frame|start|end|chunk)(:\d+)?\}/.test(pattern)) {
    refuse('output_pattern', 'needs {frame}, {start}, {end} or {chunk}: otherwise all tasks write the same file')
  }
}

function refuse(setting, reason) {
  throw Object.assign(new Error(`settings.${setting} ${reason}`), { setting })
}
