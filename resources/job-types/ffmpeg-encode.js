const JOB_TYPE = {
  label: 'FFmpeg Encode',
  description: 'Makes a video from a sequence of images, or encodes a video anew',
  settings: [
    {
      key: 'input',
      type: 'string',
      subtype: 'file_path',
      required: true,
      description:
        'Images, such as /renders/shot/*.png or /renders/shot/####.png, taken in the order of their numbers; one image; or a video file',
    },
    {
      key: 'output',
      type: 'string',
      subtype: 'file_path',
      required: true,
      description: 'The video to write; its ending chooses the container: .mp4, .mov, .mkv, .webm',
    },
    {
      key: 'frames',
      type: 'string',
      default: '',
      description: 'For images with #### in their name: the frames that there must be, such as "1-100"; empty: those that are there',
    },
    { key: 'fps', type: 'float', default: 24, propargs: { min: 0.01, max: 1000 }, description: 'Images per second, 23.976 meaning 24000/1001; a video keeps its own' },
    {
      key: 'codec',
      type: 'string',
      choices: ['h264', 'h265', 'av1', 'vp9', 'prores', 'copy'],
      default: 'h264',
      description: 'How to encode; "copy" moves the streams of a video into another container as they are',
    },
    {
      key: 'quality',
      type: 'int32',
      default: 20,
      propargs: { min: 0, max: 63 },
      description: 'Lower is better and larger; 18–23 is usual for h264 (not for prores and copy)',
    },
    {
      key: 'width',
      type: 'int32',
      default: 0,
      propargs: { min: 0, max: 16384 },
      description: 'Width to scale to, keeping the shape; 0: as it is',
    },
    {
      key: 'audio',
      type: 'string',
      subtype: 'file_path',
      default: '',
      description: 'Sound to put under a sequence of images; empty: none',
    },
    { key: 'extra_args', type: 'string', default: '', description: 'Further arguments for FFmpeg before the output, quoted as in a shell' },
  ],
}

// Every frame of a preview needs an even size for most players.
const EVEN_SIZE = 'pad=ceil(iw/2)*2:ceil(ih/2)*2'

const ENCODERS = {
  h264: (quality) => ['-c:v', 'libx264', '-crf', String(quality), '-g', '18', '-pix_fmt', 'yuv420p'],
  h265: (quality) => ['-c:v', 'libx265', '-crf', String(quality), '-tag:v', 'hvc1', '-pix_fmt', 'yuv420p'],
  av1: (quality) => ['-c:v', 'libsvtav1', '-crf', String(quality), '-pix_fmt', 'yuv420p'],
  vp9: (quality) => ['-c:v', 'libvpx-vp9', '-crf', String(quality), '-b:v', '0', '-pix_fmt', 'yuv420p'],
  prores: () => ['-c:v', 'prores_ks', '-profile:v', '3', '-pix_fmt', 'yuv422p10le'],
}

const NUMBER = /#|%0?\d*d/
const IMAGE_ENDING = /\.(png|jpe?g|exr|tiff?|tga|bmp|dpx|hdr|webp)$/i

function compileJob(job) {
  // A copy: the job's own setting stays as it was typed, so a clone of the job gets a file of its own.
  const settings = { ...job.settings }
  settings.output = settings.output.replaceAll('{timestamp}', formatTimestampLocal(job.created))
  settings.output = path.ofSetting(settings, 'output')
  settings.input = path.ofSetting(settings, 'input')
  if (settings.audio !== '') settings.audio = path.ofSetting(settings, 'audio')
  if (!/\.[A-Za-z0-9]+$/.test(settings.output)) refuse('output', 'needs an ending that tells the container, such as .mp4')
  job.outputDir = path.dirname(settings.output)

  const encode = author.Task('encode', 'ffmpeg')
  encode.addCommand(author.Command('make-directory', { path: job.outputDir }))
  encode.addCommand(isOfImages(settings.input) ? sequenceCommand(settings) : videoCommand(settings))
  job.addTask(encode)
}

function isOfImages(input) {
  const name = path.basename(input)
  return NUMBER.test(name) || name.includes('*') || IMAGE_ENDING.test(name)
}

function sequenceCommand(settings) {
  if (settings.codec === 'copy') refuse('codec', 'can be "copy" for a video only; images must be encoded')
  const sound = settings.audio === '' ? [] : ['-i', settings.audio, '-shortest']
  return author.Command('frames-to-video', {
    exe: 'ffmpeg',
    fps: settings.fps,
    ...imagesOf(settings),
    outputFile: settings.output,
    args: [...sound, ...videoArgs(settings), ...extraArgs(settings), '-y'],
  })
}

// `inputGlob` is what Flamenco's workers take; ours take the rest where it is there, and find images by their numbers.
function imagesOf({ input, frames: wanted }) {
  const name = path.basename(input)
  const folder = path.globLiteral(path.dirname(input))
  if (NUMBER.test(name)) {
    if (wanted !== '') checkFrames(wanted)
    // FFmpeg's way to write "a number here" means the same as Blender's.
    const numbered = name.replace(/%(?:0(\d+))?d/, (whole, width) => '#'.repeat(Number(width ?? 1)))
    const glob = path.globLiteral(name).replace(/#+|%0?\d*d/g, '*')
    return { inputGlob: `${folder}/${glob}`, imagePath: `${path.dirname(input)}/${numbered}`, ...(wanted === '' ? {} : { frames: wanted }) }
  }
  if (wanted !== '') refuse('frames', 'needs an input with #### where the number is')
  if (name.includes('*')) return { inputGlob: `${folder}/${name}` }
  return { inputGlob: `${folder}/${path.globLiteral(name)}`, imagePath: input }
}

function checkFrames(wanted) {
  try {
    frames.count(wanted)
  } catch (error) {
    refuse('frames', error.message)
  }
}

function videoCommand(settings) {
  if (settings.audio !== '') refuse('audio', 'is for sequences of images; a video keeps its own sound')
  const args =
    settings.codec === 'copy' ? ['-c', 'copy'] : [...videoArgs(settings), '-c:a', /\.webm$/i.test(settings.output) ? 'libopus' : 'aac']
  return author.Command('exec', {
    exe: 'ffmpeg',
    args: ['-hide_banner', '-nostdin', '-i', settings.input, ...args, ...extraArgs(settings), '-y', settings.output],
    // It must be there at the end, and whole.
    outputs: [settings.output],
  })
}

function videoArgs(settings) {
  const filters = settings.width > 0 ? [`scale=${settings.width}:-2`, EVEN_SIZE] : [EVEN_SIZE]
  return [...ENCODERS[settings.codec](settings.quality), '-vf', filters.join(',')]
}

function extraArgs(settings) {
  try {
    return shellSplit(settings.extra_args)
  } catch (error) {
    refuse('extra_args', error.message)
  }
}

function refuse(setting, reason) {
  throw Object.assign(new Error(`settings.${setting} ${reason}`), { setting })
}
