/** /reachability: which worker reaches which path. Each worker checks in its own process. */
import { checkReachability } from '../../../../shared/operations/workers/reachability.ts'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Reachability } from '../../../../shared/schemas/storage.ts'
import { PathCheck } from '../../../../shared/schemas/storage.ts'
import { FarmError, UnavailableError } from '../../../engine/base/errors.ts'
import { createTextExpander, variablesFor } from '../../../engine/compile/variables.ts'
import type { WorkerState } from '../../../engine/base/model.ts'
import { time } from '../../../store/queries/format.ts'
import { goPlatform } from '../../../../shared/paths/crosspath.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'

const MAX_RUN_MS = 15_000
/** The farm's own storage in the matrix. */
const STORAGE = 'shared storage'
type Row = Reachability['workers'][number]

export function reachabilityRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, settings } = context

  /** The path behind each name on a platform. */
  function pathsFor(platform: string): Map<string, string> {
    const host = { platform: goPlatform(process.platform), storagePath: context.paths.storage() }
    const found = new Map([[STORAGE, createTextExpander(settings.current(), 'workers', platform, host)(host.storagePath)]])
    for (const [name, { value }] of variablesFor(settings.current(), 'workers', platform, host)) {
      if (name !== 'jobs' && isPathOrProgram(value)) found.set(name, value)
    }
    return found
  }

  async function rowOf(worker: WorkerState, names: readonly string[], needsWrite: ReadonlySet<string>): Promise<Row> {
    const row = { worker: { id: worker.publicId, name: worker.name }, platform: worker.platform, problem: '' }
    const known = pathsFor(worker.platform)
    const asked = names.filter((name) => known.has(name))
    const checks = new Map<string, PathCheck & { path: string }>()
    try {
      // Read-only folders are not written to. Both run together, so that an unresponsive worker is only waited for
      // once.
      await Promise.all(
        [true, false].map(async (write) => {
          const part = asked.filter((name) => needsWrite.has(name) === write)
          if (part.length === 0) return
          const paths = part.map((name) => known.get(name) ?? '')
          const command = { name: 'check-paths', parameters: { paths, write }, totalStepCount: 0 }
          const answer = await farm.workers.ask(worker.publicId, { command, maxRunMs: MAX_RUN_MS })
          if (!Value.Check(Type.Array(PathCheck), answer)) throw new UnavailableError('sent an invalid answer')
          part.forEach((name, i) => {
            const check = answer[i]
            if (check) checks.set(name, { path: paths[i] ?? '', ...check })
          })
        }),
      )
    } catch (error) {
      if (!(error instanceof FarmError)) throw error
      return { ...row, problem: error.message, checks: [] }
    }
    return { ...row, checks: names.map((name) => checks.get(name) ?? null) }
  }

  app.route({
    ...checkReachability,
    handler: async (): Promise<Reachability> => {
      const workers = farm.workers
        .all()
        .filter((worker) => worker.deletedAt === null && worker.approvedAt !== null && worker.adapter === 'native')
      const twoWay = Object.entries(settings.current().variables).flatMap(([name, { isTwoWay }]) => (isTwoWay ? [name] : []))
      const needsWrite = new Set([STORAGE, ...twoWay])
      const platforms = new Set([goPlatform(process.platform), ...workers.map((worker) => worker.platform)])
      const names = [...new Set([...platforms].flatMap((platform) => [...pathsFor(platform).keys()]))]
      const rows = await Promise.all(workers.map((worker) => rowOf(worker, names, needsWrite)))
      return {
        checkedAt: time(context.now()),
        paths: names.map((name) => ({ name, needsWrite: needsWrite.has(name) })),
        workers: rows.sort((a, b) => a.worker.name.localeCompare(b.worker.name)),
      }
    },
  })
}

/** A folder, a file or a program's name; not a list of arguments. */
function isPathOrProgram(value: string): boolean {
  return value !== '' && (/[\\/]/.test(value) ? !value.startsWith('-') : !/\s|^-/.test(value))
}
