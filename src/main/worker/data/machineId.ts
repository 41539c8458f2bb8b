/**
 * Which computer this is: a UUID that all workers on it share and that stays, kept in `<data>/machine.json`.
 * Made from what the operating system knows of the computer, so that two data folders on one machine agree.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Type } from 'typebox'
import { Id } from '../../../shared/schemas/common.ts'
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

/** The command that reports the system's own id of the computer, and where the id is in its output. Pure. */
export const SYSTEM_ID: Partial<Record<NodeJS.Platform, { command: [string, ...string[]]; parse(output: string): string | undefined }>> = {
  win32: {
    command: ['reg', 'query', 'HKLM\\SOFTWARE\\Microsoft\\Cryptography', '/v', 'MachineGuid', '/reg:64'],
    parse: (output) => /MachineGuid\s+REG_SZ\s+(\S+)/.exec(output)?.[1]?.toLowerCase(),
  },
  darwin: {
    command: ['/usr/sbin/ioreg', '-rd1', '-c', 'IOPlatformExpertDevice'],
    parse: (output) => /"IOPlatformUUID"\s*=\s*"([^"]+)"/.exec(output)?.[1]?.toLowerCase(),
  },
}

const ASK_TIMEOUT_MS = 10_000

async function askSystem(platform: NodeJS.Platform): Promise<string | undefined> {
  const source = SYSTEM_ID[platform]
  if (source === undefined) return undefined
  const [program, ...args] = source.command
  const answer = await promisify(execFile)(program, args, { windowsHide: true, timeout: ASK_TIMEOUT_MS }).catch(() => undefined)
  return answer === undefined ? undefined : source.parse(answer.stdout)
}

async function machineFacts(): Promise<string[]> {
  // Images of virtual machines and containers share /etc/machine-id: the host's name tells them apart.
  const host = hostname()
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const text = (await readFile(path, 'utf8').catch(() => '')).trim()
    if (text !== '') return [host, text]
  }
  const own = await askSystem(process.platform)
  if (own !== undefined) return [host, own]
  // Last: which network cards there are changes with docks, tunnels and private addresses.
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal && address.mac !== '00:00:00:00:00:00')
    .map((address) => address.mac)
    .sort()
  return [host, addresses[0] ?? '']
}
