const JOB_TYPE = {
  label: 'Demo Render',
  description: 'Renders a small animation with the built-in ray tracer: shows the farm at work without any other program',
  settings: [
    { key: 'scene', type: 'string', choices: ['marbles'], default: 'marbles', description: 'What to render' },
    {
      key: 'frames',
      type: 'string',
      required: true,
      default: '1-48',
      description: 'Frames to render; the animation loops after the last one',
    },
    { key: 'chunk_size', type: 'int32', default: 4, propargs: { min: 1, max: 10000 }, description: 'How many frames one task renders' },
    { key: 'width', type: 'int32', default: 640, propargs: { min: 16, max: 8192 }, description: 'Width of the images in pixels' },
    { key: 'height', type: 'int32', default: 360, propargs: { min: 16, max: 8192 }, description: 'Height of the images in pixels' },
    {
      key: 'samples',
      type: 'int32',
      default: 4,
      propargs: { min: 1, max: 4096 },
      description: 'Rays per pixel: more take longer and look smoother',
    },
    {
      key: 'output_dir',
      type: 'string',
      subtype: 'dir_path',
      required: true,
      default: '{jobs}/demo/{timestamp}',
      description: 'Folder of the images; {timestamp} becomes the time of submission',
    },
  ],
}

function compileJob(job) {
  const settings = job.settings
  // The setting stays as it was typed: a clone of the job gets a folder of its own.
  const stamped = { output_dir: settings.output_dir.replaceAll('{timestamp}', formatTimestampLocal(job.created)) }
  job.outputDir = path.ofSetting(stamped, 'output_dir')

  const { chunks, lowest: firstFrame, highest: lastFrame } = framesOf(settings)

  for (const chunk of chunks) {
    const task = author.Task(`trace-${chunk}`, 'framehouse-trace')
    const parameters = {
      scene: settings.scene,
      frames: chunk,
      firstFrame,
      loopFrames: lastFrame - firstFrame + 1,
      width: settings.width,
      height: settings.height,
      samples: settings.samples,
      outputDir: job.outputDir,
      filePattern: 'frame-{frame:04}.png',
    }
    task.addCommand(author.Command('trace-frames', parameters, frames.count(chunk)))
    job.addTask(task)
  }
}

function framesOf(settings) {
  try {
    return { chunks: frames.chunks(settings.frames, settings.chunk_size), ...frames.facts(settings.frames) }
  } catch (error) {
    throw Object.assign(new Error(`settings.frames: ${error.message}`), { setting: 'frames' })
  }
}
