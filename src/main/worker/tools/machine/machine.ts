/** What this computer is: for the list of machines, and for matching work to them. */
import { arch, availableParallelism, hostname, totalmem } from 'node:os'
import type { DescribeMachine } from '../../contract/commands.ts'
import { readDisplayGpus } from './displays.ts'
import { readGpus } from './gpus.ts'
import { findSoftware } from './software.ts'

/** Describes this machine; takes as long as the installed programs take to tell their versions. */
export const describeMachine: DescribeMachine = async (id, tools) => {
  const [measured, displays, software] = await Promise.all([readGpus(), readDisplayGpus(), findSoftware(tools)])
  // A card that was detected with more details is not listed again under the same name.
  const gpus = [...measured, ...displays.filter(({ name }) => !measured.some((card) => card.name === name))]
  return {
    id,
    name: hostname().slice(0, 200) || 'unnamed',
    // The names that variables and the Flamenco protocol use.
    platform: process.platform === 'win32' ? 'windows' : process.platform,
    arch: arch(),
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    gpus: gpus.slice(0, 64).map(({ name, memoryBytes }) => ({ name, memoryBytes: memoryBytes === null ? null : Math.round(memoryBytes) })),
    software: software.slice(0, 200),
  }
}
