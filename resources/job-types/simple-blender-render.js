const JOB_TYPE = {
  label: 'Simple Blender Render',
  description: 'Render a sequence of frames, and create a preview video file',
  settings: [
    {
      key: 'frames',
      type: 'string',
      required: true,
      eval: "f'{C.scene.frame_start}-{C.scene.frame_end}' + (f'x{C.scene.frame_step}' if C.scene.frame_step > 1 else '')",
      evalInfo: { showLinkButton: true, description: 'Scene frame range' },
      description: 'Frames to render in this order, such as "47", "1-30, 50", "1-100x10" (every tenth), "10-1" or "-5..5"',
    },
    { key: 'chunk_size', type: 'int32', default: 1, visible: 'submission', description: 'How many frames one task renders' },
    {
      key: 'render_output_root',
      type: 'string',
      subtype: 'dir_path',
      required: true,
      visible: 'submission',
      description: 'Folder that the job gets its own folder in; a relative one is taken from the folder of the blend file',
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

// What must hold on every worker, whatever the file was saved with. Files that are there already are the farm's business:
// its workers keep or replace them before Blender begins.
const RENDER_OVERRIDES = ['use_file_extension = True', 'use_overwrite = True', 'use_placeholder = False']

// What Blender's command line calls some formats, and what people do. It renders in the file's own format when it does not
// know the name.
const COMMAND_LINE_FORMATS = { TARGA: 'TGA', TARGA_RAW: 'RAWTGA', JPEG2000: 'JP2' }
const MISTAKEN_FORMATS = { JPG: 'JPEG', TIF: 'TIFF', OPENEXR: 'OPEN_EXR' }

// --render-frame counts negative numbers from the end of the scene's range, and an animation begins at 0 or later: these
// frames are rendered as stills. No braces in the code: text in braces is for the farm's variables.
const NEGATIVE_FRAMES = `import bpy, os
scene = bpy.context.scene
render = scene.render
output = render.filepath
separate = render.use_multiview and render.image_settings.views_format == 'INDIVIDUAL'
view = next((view.name for view in render.views if view.use), '') if separate else ''
for frame in frames:
    render.filepath = output
    path = bpy.path.abspath(render.frame_path(frame=frame))
    first = bpy.path.abspath(render.frame_path(frame=frame, view=view)) if view else path
    if not render.use_overwrite and os.path.exists(first):
        print('skipping existing frame "' + first + '"', flush=True)
        continue
    scene.frame_set(frame)
    render.filepath = path
    bpy.ops.render.render(write_still=True, scene=scene.name)
render.filepath = output
`

// Blender stores frame numbers up to here; a larger one would silently become this one.
const MAX_FRAME = 1048574

function compileJob(job) {
  const settings = job.settings
  if (VIDEO_FORMATS.includes(settings.format)) {
    throw new Error(`This job type only renders images, and not "${settings.format}"`)
  }
  const meant = MISTAKEN_FORMATS[settings.format.toUpperCase()]
  if (meant) throw new Error(`settings.format: Blender has no format "${settings.format}"; did you mean ${meant}?`)

  settings.render_output_path = outputPathOf(job)
  const outputPath = settings.render_output_path
  const renderDir = path.dirname(outputPath)
  job.outputDir = renderDir

  const chunks = chunksOf(settings)
  const renderTasks = authorRenderTasks(settings, chunks, renderDir, outputPath)
  const videoTask = authorVideoTask(settings, renderDir, outputPath)
  for (const task of renderTasks) job.addTask(task)
  if (videoTask) {
    // The images are what was asked for: without the video they are done all the same.
    videoTask.optional = true
    for (const task of renderTasks) videoTask.addDependency(task)
    job.addTask(videoTask)
  }
}

function outputPathOf({ name, created, settings }) {
  const blendDir = settings.blendfile ? path.dirname(settings.blendfile) : undefined
  if (settings.render_output_path !== undefined && settings.render_output_path !== null) {
    if (settings.render_output_path === '') throw new Error('render_output_path is empty; there is nowhere to save the images')
    const given = { render_output_path: settings.render_output_path.replaceAll('{timestamp}', formatTimestampLocal(created)) }
    return path.ofSetting(given, 'render_output_path', blendDir)
  }
  if (!settings.render_output_root) throw new Error('render_output_path is empty; there is nowhere to save the images')
  return usualOutputPath({ name, created, settings }, path.ofSetting(settings, 'render_output_root', blendDir))
}

// Blender evaluates the path; for those who submit without Blender it is put together in the same way.
function usualOutputPath({ name, created, settings }, root) {
  const folders = path
    .dirname(settings.blendfile)
    .split('/')
    .filter((part) => part !== '' && part !== '.' && !part.endsWith(':'))
  const repeated = settings.add_path_components > 0 ? folders.slice(-settings.add_path_components) : []
  const job = path.safeName(name.replaceAll('{timestamp}', formatTimestampLocal(created)))
  return path.join(root, ...repeated, job, formatTimestampLocal(created), '######')
}

function chunksOf(settings) {
  try {
    const { lowest, highest } = frames.facts(settings.frames)
    if (lowest < -MAX_FRAME || highest > MAX_FRAME) throw new Error(`Blender renders frames from -${MAX_FRAME} to ${MAX_FRAME}, and not ${lowest < -MAX_FRAME ? lowest : highest}`)
    return frames.chunks(settings.frames, settings.chunk_size)
  } catch (error) {
    throw Object.assign(new Error(`settings.frames: ${error.message}`), { setting: 'frames' })
  }
}

function authorRenderTasks(settings, chunks, renderDir, outputPath) {
  const sameArgs = [
    ...(settings.scene ? ['--scene', settings.scene] : []),
    ...ownExpression(overrideExpression(settings.scene)),
    '--render-output',
    path.join(renderDir, path.basename(outputPath)),
    '--render-format',
    COMMAND_LINE_FORMATS[settings.format] ?? settings.format,
  ]
  return chunks.map((chunk) => {
    const task = author.Task(`render-${chunk}`, 'blender')
    const parameters = {
      exe: '{blender}',
      exeArgs: '{blenderArgs}',
      argsBefore: [],
      blendfile: settings.blendfile,
      args: sameArgs.concat(frames.forBlender(chunk).flatMap(frameArguments)),
    }
    task.addCommand(author.Command('blender-render', parameters, frames.count(chunk)))
    return task
  })
}

// Frames as --render-frame takes them; where there are negative ones, by Python.
function frameArguments(list) {
  if (!list.includes('-')) return ['--render-frame', list]
  const numbers = list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('..').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
  // The first line tells workers what is rendered.
  return ownExpression(`# framehouse: frames ${numbers}\nframes = [${numbers}]\n${NEGATIVE_FRAMES}`)
}

// An error in our own Python fails the task; that of other Python in the arguments has the rules that it had.
function ownExpression(code) {
  return ['--python-exit-code', '1', '--python-expr', code, '--python-exit-code', '0']
}

function overrideExpression(scene) {
  // JSON's way to quote a text is understood by Python too.
  const render = scene ? `bpy.data.scenes[${JSON.stringify(scene)}].render` : 'bpy.context.scene.render'
  return ['import bpy', `render = ${render}`, ...RENDER_OVERRIDES.map((statement) => `render.${statement}`)].join('; ')
}

function authorVideoTask(settings, renderDir, outputPath) {
  const needsPreviews = EXR_FORMATS.includes(settings.format)
  if (needsPreviews && !settings.has_previews) return null
  if (!settings.fps) return null

  const blendName = path.stem(settings.blendfile).replace('.flamenco', '')
  const extension = needsPreviews ? '.jpg' : settings.image_file_extension
  const task = author.Task('preview-video', 'ffmpeg')
  // A nicety: the pictures are the job's result, also where no video can be made of them.
  task.optional = true
  task.addCommand(
    author.Command('frames-to-video', {
      exe: 'ffmpeg',
      fps: settings.fps,
      // What Flamenco's workers take; ours take the job's own frames and nothing else that lies in the folder.
      inputGlob: `${path.globLiteral(renderDir)}/*${extension}`,
      ...(extension ? { imagePath: outputPath, imageExtension: extension, frames: settings.frames } : {}),
      outputFile: path.join(renderDir, `${path.safeName(`${blendName}-${firstToLast(settings.frames)}`)}.mp4`),
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
  const text = frames.replaceAll(/\s/g, '').replaceAll(':', 'x')
  if (!text.includes(',')) return text
  const numbers = text.match(/\d+/g)
  return `${numbers[0]}-${numbers[numbers.length - 1]}`
}
