const JOB_TYPE = {
  label: 'Single Image Render',
  description: 'Renders one large image with many workers: in tiles, or with Cycles in shares of its samples; then merges the parts',
  settings: [
    { key: 'blendfile', type: 'string', required: true, visible: 'web', description: 'Path of the blend file' },
    {
      key: 'scene',
      type: 'string',
      default: '',
      eval: 'C.scene.name',
      visible: 'web',
      description: 'Name of the scene; empty: the one that the file was saved with',
    },
    {
      key: 'frame',
      type: 'int32',
      default: 1,
      eval: 'C.scene.frame_current',
      evalInfo: { showLinkButton: true, description: 'Current frame' },
      propargs: { min: 0, max: 1048574 },
      description: 'Frame to render',
    },
    {
      key: 'split',
      type: 'string',
      choices: ['tiles', 'samples'],
      default: 'tiles',
      description:
        'tiles: each task renders a part of the picture. samples: each task renders all of it with a share of the samples (Cycles only)',
    },
    { key: 'columns', type: 'int32', default: 4, propargs: { min: 1, max: 64 }, description: 'Tiles from left to right' },
    { key: 'rows', type: 'int32', default: 4, propargs: { min: 1, max: 64 }, description: 'Tiles from bottom to top' },
    { key: 'parts', type: 'int32', default: 8, propargs: { min: 1, max: 1024 }, description: 'For samples: how many tasks share them' },
    {
      key: 'samples',
      type: 'int32',
      default: 0,
      propargs: { min: 0, max: 1048576 },
      description: 'For samples: how many there are in total; 0: as the scene says',
    },
    {
      key: 'seed',
      type: 'int32',
      default: 0,
      propargs: { min: 0, max: 1000000000 },
      description: 'For samples: seed of the first part; each further one takes the next',
    },
    {
      key: 'render_output_path',
      type: 'string',
      subtype: 'file_path',
      required: true,
      description: 'The image to write; its ending is added when missing. {timestamp} becomes the time of submission; a relative path is taken from the folder of the blend file',
    },
    {
      key: 'format',
      type: 'string',
      choices: ['PNG', 'JPEG', 'TIFF', 'OPEN_EXR'],
      default: 'PNG',
      description: 'File format of the image',
    },
    { key: 'keep_parts', type: 'bool', default: false, description: 'Keep the folder with the parts after merging' },
  ],
}

const ENDINGS = { PNG: ['.png'], JPEG: ['.jpg', '.jpeg'], TIFF: ['.tif', '.tiff'], OPEN_EXR: ['.exr'] }

// Parts are saved in linear light without loss: merging them is exact, and only the whole image gets the scene's
// view transform. No braces in the code below: text in braces is for the farm's variables.
const PART_SETUP = `
import bpy, sys
scene = bpy.context.scene
render = scene.render
render.use_file_extension = True
render.use_overwrite = True
render.use_placeholder = False
render.image_settings.file_format = 'OPEN_EXR'
render.image_settings.color_mode = 'RGBA'
render.image_settings.color_depth = '32'
render.image_settings.exr_codec = 'ZIP'
width = render.resolution_x * render.resolution_percentage // 100
height = render.resolution_y * render.resolution_percentage // 100
def edge(size, index, count):
    return size * index // count
def share(total, index, count):
    return edge(total, index + 1, count) - edge(total, index, count)
def stop(reason):
    sys.exit('framehouse: ' + reason)
`

// A quarter of a pixel inside: the border is the same pixel whether it is cut off or rounded.
const TILE_SETUP = `
if columns > width or rows > height:
    stop('%d x %d pixels cannot be cut into %d x %d tiles' % (width, height, columns, rows))
render.use_border = True
render.use_crop_to_border = True
render.border_min_x = (edge(width, column, columns) + 0.25) / width
render.border_max_x = min(1, (edge(width, column + 1, columns) + 0.25) / width)
render.border_min_y = (edge(height, row, rows) + 0.25) / height
render.border_max_y = min(1, (edge(height, row + 1, rows) + 0.25) / height)
`

// Every part takes exactly its share, so adaptive sampling and denoising of the noisy parts are switched off.
const SAMPLES_SETUP = `
if render.engine != 'CYCLES':
    stop('samples can be shared with Cycles only, and the scene renders with ' + render.engine)
total = total or scene.cycles.samples
if total < parts:
    stop('%d samples cannot be shared by %d parts' % (total, parts))
render.use_border = False
scene.cycles.samples = share(total, part, parts)
scene.cycles.seed = seed + part
scene.cycles.use_animated_seed = False
scene.cycles.use_adaptive_sampling = False
scene.cycles.use_denoising = False
scene.cycles.time_limit = 0
for layer in scene.view_layers:
    layer.samples = 0
`

// Pasting needs no numpy; adding up without it (some builds of Blender lack it) takes a minute instead of a second.
const MERGE = `
import os, shutil
from array import array
folder, output = sys.argv[sys.argv.index('--') + 1:]
def load(name, across, down):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        stop('a part is missing: ' + path)
    image = bpy.data.images.load(path)
    if tuple(image.size) != (across, down):
        stop('%s has %d x %d pixels instead of %d x %d' % (path, image.size[0], image.size[1], across, down))
    pixels = array('f', bytes(4 * 4 * across * down))
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels
def add(whole, pixels, weight):
    try:
        import numpy
        numpy.frombuffer(whole, dtype=numpy.float32)[:] += numpy.frombuffer(pixels, dtype=numpy.float32) * weight
        return whole
    except ImportError:
        return array('f', map(lambda sum, value: sum + value * weight, whole, pixels))
def merge():
    whole = array('f', bytes(4 * 4 * width * height))
    if split == 'tiles':
        for row in range(rows):
            for column in range(columns):
                left, right = edge(width, column, columns), edge(width, column + 1, columns)
                bottom, top = edge(height, row, rows), edge(height, row + 1, rows)
                across = 4 * (right - left)
                tile = load(names[row * columns + column], right - left, top - bottom)
                for y in range(top - bottom):
                    start = 4 * ((bottom + y) * width + left)
                    whole[start:start + across] = tile[y * across:(y + 1) * across]
    else:
        all_samples = total or scene.cycles.samples
        for part in range(parts):
            whole = add(whole, load(names[part], width, height), share(all_samples, part, parts) / all_samples)
    image = bpy.data.images.new('merged', width, height, alpha=True, float_buffer=True)
    image.alpha_mode = 'PREMUL'
    image.pixels.foreach_set(whole)
    settings = render.image_settings
    settings.file_format = file_format
    settings.color_mode = 'RGBA' if render.film_transparent and file_format != 'JPEG' else 'RGB'
    settings.color_depth = '32' if file_format == 'OPEN_EXR' else '8' if file_format == 'JPEG' else '16'
    os.makedirs(os.path.dirname(output), exist_ok=True)
    # Under its name only when it is whole.
    unfinished = os.path.join(folder, 'merged-' + os.path.basename(output))
    image.save_render(unfinished, scene=scene)
    os.replace(unfinished, output)
# Without its parts and with its image it was merged before, and only the news of it got lost.
if os.path.isdir(folder) or not os.path.exists(output):
    merge()
print("Saved: '" + output + "'", flush=True)
if not keep_parts:
    shutil.rmtree(folder, ignore_errors=True)
`

function compileJob(job) {
  const settings = job.settings
  const blendDir = path.dirname(settings.blendfile)
  const stamped = { render_output_path: settings.render_output_path.replaceAll('{timestamp}', formatTimestampLocal(job.created)) }
  const output = outputFile(settings, path.ofSetting(stamped, 'render_output_path', blendDir))
  job.outputDir = path.dirname(output)

  const partsDir = path.join(job.outputDir, `${path.stem(output)}.parts-${job.jobID.slice(0, 8)}`)
  const parts = settings.split === 'samples' ? sampleParts(settings) : tileParts(settings)
  const merge = mergeTask(settings, parts, partsDir, output)
  for (const part of parts) {
    const task = renderTask(settings, part, partsDir)
    merge.addDependency(task)
    job.addTask(task)
  }
  job.addTask(merge)
}

function outputFile(settings, pattern) {
  // As Blender does: the last run of # in the name becomes the frame.
  const wanted = pattern.replace(/#+(?=[^#/\\]*$)/, (run) => String(settings.frame).padStart(run.length, '0'))
  const endings = ENDINGS[settings.format]
  return endings.some((ending) => wanted.toLowerCase().endsWith(ending)) ? wanted : wanted + endings[0]
}

function tileParts({ columns, rows }) {
  const parts = []
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      parts.push({
        task: `tile ${column + 1},${row + 1}`,
        file: `tile-${column + 1}-${row + 1}`,
        setup: assignments({ columns, rows, column, row }) + TILE_SETUP,
      })
    }
  }
  return parts
}

function sampleParts({ parts, samples, seed }) {
  return Array.from({ length: parts }, (_, part) => ({
    task: `samples ${part + 1}`,
    file: `samples-${part + 1}`,
    setup: assignments({ parts, part, total: samples, seed }) + SAMPLES_SETUP,
  }))
}

function renderTask(settings, part, partsDir) {
  const task = author.Task(part.task, 'blender')
  const frame = String(settings.frame)
  const render = ['--render-output', path.join(partsDir, `${part.file}-####`), '--render-format', 'OPEN_EXR', '--render-frame', frame]
  task.addCommand(blenderCommand(settings, PART_SETUP + part.setup, render, 1))
  return task
}

function mergeTask(settings, parts, partsDir, output) {
  const { split, columns, rows, samples, format, keep_parts } = settings
  const frame = String(settings.frame).padStart(4, '0')
  const values = {
    split,
    columns,
    rows,
    parts: parts.length,
    total: samples,
    names: parts.map(({ file }) => `${file}-${frame}.exr`),
    file_format: format,
    keep_parts: keep_parts ? 1 : 0,
  }
  const task = author.Task('merge', 'blender')
  const merge = blenderCommand(settings, PART_SETUP + assignments(values) + MERGE, ['--', partsDir, output], 0)
  // Blender may end well without having merged anything: then this file is missing.
  merge.parameters.outputs = [output]
  // The parts are frames of the job no more.
  if (!keep_parts) merge.parameters.removes = partsDir
  task.addCommand(merge)
  return task
}

function blenderCommand(settings, code, args, steps) {
  const scene = settings.scene ? ['--scene', settings.scene] : []
  const parameters = {
    exe: '{blender}',
    exeArgs: '{blenderArgs}',
    argsBefore: [],
    blendfile: settings.blendfile,
    // A Python error must fail the task instead of rendering something else.
    args: [...scene, '--python-exit-code', '1', '--python-expr', code, '--python-exit-code', '0', ...args],
  }
  return author.Command('blender-render', parameters, steps)
}

// Lines of Python; JSON's numbers, texts and lists are Python's too.
function assignments(values) {
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join('')
}
