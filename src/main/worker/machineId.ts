/**
 * Which computer this is: a UUID that all workers on it share and that stays, kept in `<data>/machine.json`.
 * Made from what the operating system knows of the computer, so that two data folders on one machine agree.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Id } from '../../shared/schemas/common.ts'
import { readJsonFile, writeJsonFile } from './jsonFile.ts'

const MachineFile = Type.Object({ machineId: Id })

/** The kept id; made and kept at the first call. `facts` replaces what identifies the computer, for tests. */
export async function machineId(dataDir: string, facts: () => Promise<string[]> = machineFacts): Promise<string> {
  const path = join(dataDir, 'machine.json')
  const kept = await readJsonFile(MachineFile, path)
  if (kept !== undefined) return kept.machineId
  const id = uuidFrom((await facts()).join('\n'))
  await writeJsonFile(path, { machineId: id })
  return id
}

/** A UUID of version 8 (made by an own rule) from a text. */
export function uuidFrom(text: string): string {
  const hex = createHash('sha256').update(`framehouse machine\n${text}`).digest('hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

async function machineFacts(): Promise<string[]> {
  // Images of virtual machines and containers share /etc/machine-id: the host's name tells them apart.
  const host = hostname()
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const text = (await readFile(path, 'utf8').catch(() => '')).trim()
    if (text !== '') return [host, text]
  }
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal && address.mac !== '00:00:00:00:00:00')
    .map((address) => address.mac)
    .sort()
  return [host, addresses[0] ?? '']
}
