/** The marker of a storage root: a small file with a random text, which shows that two machines see the same folder. */
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../content/disk.ts'

/** The marker's name in the root; one for each farm, so that farms can share a root. */
export function markerName(farmId: string): string {
  return `.framehouse-root-${farmId.replace(/[^0-9A-Za-z]/g, '').slice(0, 12)}`
}

export type Marked = { marked: true; device: number } | { marked: false; problem: string }

/** Writes the marker. The folder must be there: it may be a place where storage is yet to be mounted. */
export async function writeMarker(folder: string, name: string, text: string): Promise<Marked> {
  const file = join(folder, name)
  const whole = `${file}.tmp`
  try {
    const { dev } = await stat(folder)
    await writeFile(whole, text)
    await rename(whole, file)
    return { marked: true, device: dev }
  } catch (error) {
    await rm(whole, { force: true }).catch(() => undefined)
    return { marked: false, problem: errorCode(error) ?? String(error) }
  }
}

/** Whether the marker is still there, on the disk that it was written to. */
export async function lookAtMarker(folder: string, name: string, text: string, device: number): Promise<'whole' | 'gone' | 'unmounted'> {
  try {
    const { dev } = await stat(folder)
    if (dev !== device) return 'unmounted'
    return (await readFile(join(folder, name), 'utf8')) === text ? 'whole' : 'gone'
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? 'gone' : 'unmounted'
  }
}
