/** Scenes to render in tests, made by Blender itself from test/assets/make_test_blend.py. */
import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SCRIPT = join(import.meta.dirname, '..', 'assets', 'make_test_blend.py')

export interface BlendOptions {
  engine?: 'CYCLES' | 'WORKBENCH'
  samples?: string
  width?: string
  height?: string
  frames?: string
  /** Multiplies the samples. */
  slow?: string
}

/** Path of such a scene; made once per machine and content of the script, since starting Blender takes a second. */
export async function makeBlend(blender: string, options: BlendOptions = {}): Promise<string> {
  const words = Object.entries(options).map(([name, value]) => `${name}=${value}`)
  const hash = createHash('sha256')
    .update(readFileSync(SCRIPT))
    .update(JSON.stringify([blender, ...words.toSorted()]))
    .digest('hex')
  const path = join(tmpdir(), `framehouse-scene-${hash.slice(0, 16)}.blend`)
  if (existsSync(path)) return path
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-blend-'))
  try {
    const made = join(folder, 'scene.blend')
    const args = ['--background', '--factory-startup', '--python-exit-code', '1', '--python', SCRIPT, '--', made, ...words]
    await promisify(execFile)(blender, args)
    // Test files run side by side: each makes its own, the last one's name stays.
    await rename(made, path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return path
}
