/** The real commands and tools of a worker, for `startWorker`. Apart from it, so that tests can give it others. */
import { createCommandRegistry } from './commands/registry.ts'
import type { WorkerParts } from './index.ts'
import { createLoadSampler } from './tools/load.ts'
import { describeMachine } from './tools/machine.ts'
import { createPreviewMaker } from './tools/previews.ts'
import { killGroupOf, killMarked, killTree, startMark } from './tools/processTree.ts'

export function workerParts(): WorkerParts {
  return {
    createRegistry: createCommandRegistry,
    processes: { startMark, killTree, killMarked, killGroupOf },
    describeMachine,
    createLoad: (folder) => createLoadSampler({ folder }),
    createPreviews: (tools) => createPreviewMaker(tools),
  }
}
