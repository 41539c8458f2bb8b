/** A scene whose own script writes hostile bytes: to stderr when the file is opened, to stdout when an open Blender begins a task. */
import { execFile } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HOSTILE_IN_PYTHON } from './hostile.ts'
import { makeBlend } from './makeBlend.ts'

/** A task of an open Blender has a folder of its own. */
const CODE = `
import atexit, os, threading
DATA = ${HOSTILE_IN_PYTHON}
def watch(home):
    before = home
    while not over.wait(0.002):
        now = os.getcwd()
        if now != before and now != home:
            os.write(1, DATA + b'\\n')
            FLOOD
        before = now
over = threading.Event()
thread = threading.Thread(target=watch, args=(os.getcwd(),), daemon=True)
thread.start()
def end():
    over.set()
    thread.join(1)
# A thread that Python's end finds at work may abort Blender.
atexit.register(end)
os.write(2, DATA)
`
const FLOOD = "while True: os.write(1, b'x' * 1000 + b'\\n')"

/** Made in `folder`. `floods`: it goes on writing without end. */
export async function hostileBlend(blender: string, folder: string, floods = false): Promise<string> {
  const path = join(folder, 'hostile.blend')
  await copyFile(await makeBlend(blender, { engine: 'WORKBENCH', width: '32', height: '18' }), path)
  const script = [
    'import bpy',
    "text = bpy.data.texts.new('say.py')",
    'text.use_module = True',
    `text.write(${JSON.stringify(CODE.replace('FLOOD', floods ? FLOOD : 'pass'))})`,
    'bpy.ops.wm.save_mainfile()',
  ]
  const args = ['--background', '--factory-startup', path, '--python-exit-code', '1', '--python-expr', script.join('\n')]
  await promisify(execFile)(blender, args)
  return path
}
