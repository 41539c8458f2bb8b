/** The real commands and tools of a worker, for `startWorker`. Separate, so that tests can inject others. */
import { createCommandRegistry } from './commands/registry.ts'
import type { WorkerParts } from './index.ts'
import { createLoadSampler } from './tools/machine/load.ts'
import { describeMachine } from './tools/machine/machine.ts'
import { createPreviewMaker } from './tools/pictures/previews.ts'
import { killGroupOf, killMarked, killTree, startMark } from './tools/process/processTree.ts'

export function workerParts(): WorkerParts {
  return {
    createRegistry: createCommandRegistry,
    processes: { startMark, killTree, killMarked, killGroupOf },
    describeMachine,
    createLoad: (folder) => createLoadSampler({ folder }),
    createPreviews: (tools) => createPreviewMaker(tools),
  }
}
