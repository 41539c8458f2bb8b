const JOB_TYPE = {
  label: 'Simple Blender Render',
  description: 'Render a sequence of frames, and create a preview video file',
  settings: [
    {
      key: 'frames',
      type: 'string',
      required: true,
      eval: "f'{C.scene.frame_start}-{C.scene.frame_end}'",
      evalInfo: { showLinkButton: true, description: 'Scene frame range' },
      description: 'Frames to render, such as "47", "1-30, 50" or "1..10"',
    },
    { key: 'chunk_size', type: 'int32', default: 1, visible: 'submission', description: 'How many frames one task renders' },
    {
      key: 'render_output_root',
      type: 'string',
      subtype: 'dir_path',
      required: true,
      visible: 'submission',
      description: 'Folder that the job gets its own folder in',
    },
    {
      key: 'add_path_components',
      type: 'int32',
      required: true,
      default: 0,
      propargs: { min: 0, max: 32 },
      visible: 'submission',
      description: 'How many folders of the blend file to repeat in the output path',
    },
    {
      key: 'render_output_path',
      type: 'string',
      subtype: 'file_path',
      editable: false,
      eval: "str(Path(abspath(settings.render_output_root), last_n_dir_parts(settings.add_path_components), jobname, '{timestamp}', '######'))",
      description: 'Where the images end up; {timestamp} becomes the time of submission',
    },
    { key: 'blendfile', type: 'string', required: true, visible: 'web', description: 'Path of the blend file' },
    { key: 'fps', type: 'float', eval: 'C.scene.render.fps / C.scene.render.fps_base', visible: 'hidden' },
    { key: 'format', type: 'string', required: true, eval: 'C.scene.render.image_settings.file_format', visible: 'web' },
    { key: 'image_file_extension', type: 'string', required: true, eval: 'C.scene.render.file_extension', visible: 'hidden' },
    { key: 'has_previews', type: 'bool', required: false, eval: 'C.scene.render.image_settings.use_preview', visible: 'hidden' },
    { key: 'scene', type: 'string', required: true, eval: 'C.scene.name', visible: 'web' },
  ],
}

const VIDEO_FORMATS = ['FFMPEG', 'AVI_RAW', 'AVI_JPEG']
// Formats that ffmpeg makes no good video of; Blender can save a JPEG beside each image instead.
const EXR_FORMATS = ['EXR', 'MULTILAYER', 'OPEN_EXR', 'OPEN_EXR_MULTILAYER']

// What must hold on every worker, whatever the file was saved with.
const RENDER_OVERRIDES = ['use_file_extension = True', 'use_overwrite = False', 'use_placeholder = False']

function compileJob(job) {
  const settings = job.settings
  if (VIDEO_FORMATS.includes(settings.format)) {
    throw new Error(`This job type only renders images, and not "${settings.format}"`)
  }

  const outputPath = replaceTimestamp(settings.render_output_path ?? usualOutputPath(job), job.created)
  if (!outputPath) throw new Error('render_output_path is empty; there is nowhere to save the images')
  settings.render_output_path = outputPath
  const renderDir = path.dirname(outputPath)

  const renderTasks = authorRenderTasks(settings, renderDir, outputPath)
  const videoTask = authorVideoTask(settings, renderDir)
  for (const task of renderTasks) job.addTask(task)
  if (videoTask) {
    for (const task of renderTasks) videoTask.addDependency(task)
    job.addTask(videoTask)
  }
}

// Blender evaluates the path; for those who submit without Blender it is put together in the same way.
function usualOutputPath({ name, settings }) {
  if (!settings.render_output_root) return ''
  const folders = path
    .dirname(settings.blendfile)
    .split('/')
    .filter((part) => part !== '' && part !== '.' && !part.endsWith(':'))
  const repeated = settings.add_path_components > 0 ? folders.slice(-settings.add_path_components) : []
  return path.join(settings.render_output_root, ...repeated, name.replaceAll(/[\\/]/g, '_'), '{timestamp}', '######')
}

function replaceTimestamp(outputPath, created) {
  return (outputPath || '').replaceAll('{timestamp}', formatTimestampLocal(created))
}

function authorRenderTasks(settings, renderDir, outputPath) {
  const sameArgs = [
    ...(settings.scene ? ['--scene', settings.scene] : []),
    '--python-expr',
    overrideExpression(settings.scene),
    '--render-output',
    path.join(renderDir, path.basename(outputPath)),
    '--render-format',
    settings.format,
    '--render-frame',
  ]
  return frameChunker(settings.frames, settings.chunk_size).map((chunk) => {
    const task = author.Task(`render-${chunk}`, 'blender')
    const parameters = {
      exe: '{blender}',
      exeArgs: '{blenderArgs}',
      argsBefore: [],
      blendfile: settings.blendfile,
      args: sameArgs.concat(chunk.replaceAll('-', '..')),
    }
    task.addCommand(author.Command('blender-render', parameters, frameCount(chunk)))
    return task
  })
}

function overrideExpression(scene) {
  // JSON's way to quote a text is understood by Python too.
  const render = scene ? `bpy.data.scenes[${JSON.stringify(scene)}].render` : 'bpy.context.scene.render'
  return ['import bpy', `render = ${render}`, ...RENDER_OVERRIDES.map((statement) => `render.${statement}`)].join('; ')
}

function authorVideoTask(settings, renderDir) {
  const needsPreviews = EXR_FORMATS.includes(settings.format)
  if (needsPreviews && !settings.has_previews) return null
  if (!settings.fps) return null

  const blendName = path.stem(settings.blendfile).replace('.flamenco', '')
  const extension = needsPreviews ? '.jpg' : settings.image_file_extension
  const task = author.Task('preview-video', 'ffmpeg')
  task.addCommand(
    author.Command('frames-to-video', {
      exe: 'ffmpeg',
      fps: settings.fps,
      inputGlob: path.join(renderDir, `*${extension}`),
      outputFile: path.join(renderDir, `${blendName}-${firstToLast(settings.frames)}.mp4`),
      args: [
        '-c:v',
        'h264',
        '-crf',
        '20',
        '-g',
        '18',
        '-vf',
        'pad=ceil(iw/2)*2:ceil(ih/2)*2',
        '-pix_fmt',
        'yuv420p',
        '-r',
        settings.fps,
        '-y',
      ],
    }),
  )
  return task
}

// A list of ranges makes a poor file name: first and last frame are enough.
function firstToLast(frames) {
  if (!frames.includes(',')) return frames
  const numbers = frames.match(/\d+/g)
  return `${numbers[0]}-${numbers[numbers.length - 1]}`
}
