/** The Python scripts that run inside Blender, from the resources next to or inside the program. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const texts = new Map<string, Promise<string>>()

/** The text of resources/sessions/`name`. @throws Error when the installation lacks it */
export function readSessionScript(name: string): Promise<string> {
  const known = texts.get(name)
  if (known !== undefined) return known
  const text = findResource(join('sessions', name))
  texts.set(name, text)
  return text
}

async function findResource(name: string): Promise<string> {
  const places: string[] = []
  for (let folder = import.meta.dirname, above = ''; folder !== above; above = folder, folder = dirname(folder)) {
    places.push(join(folder, 'resources', name))
  }
  const packaged = (process as { resourcesPath?: string }).resourcesPath
  if (packaged !== undefined) places.push(join(packaged, name), join(packaged, 'resources', name))
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  throw new Error(`no file resources/${name} beside this program`)
}
