/** Version, farm status, and the part of the configuration that clients may read (§1.1). */
import { Type } from 'typebox'
import { goPlatform } from '../../../../shared/paths/crosspath.ts'
import { createTextExpander, jobsFolder, variablesFor, type VariableHost } from '../../../engine/compile/variables.ts'
import type { ApiContext } from '../../../http/context.ts'
import { FlamencoSettings } from '../settings.ts'
import { errors, type TypedApp } from '../routeSupport.ts'
import {
  Audience,
  FarmStatusReport,
  FlamencoVersion,
  ManagerConfiguration,
  ManagerVariables,
  SharedStorageLocation,
} from '../schemas/meta.ts'

const ForPlatform = Type.Object({ audience: Audience, platform: Type.String({ minLength: 1, maxLength: 50 }) })

export function metaRoutes(app: TypedApp, { farm, settings, paths, version }: ApiContext): void {
  const host = (): VariableHost => ({ platform: goPlatform(process.platform), storagePath: paths.storage() })

  app.get(
    '/version',
    {
      config: { access: 'public', openToLan: true },
      schema: { operationId: 'getVersion', tags: ['meta'], response: { 200: FlamencoVersion } },
    },
    async () => {
      const { flamencoVersion } = settings.of(FlamencoSettings)
      const { managerName } = settings.current()
      // The add-on compares shortversion with its own; `git` shows people which program really answers.
      return { version: flamencoVersion, shortversion: flamencoVersion, name: managerName, git: `framehouse-${version}` }
    },
  )

  app.get(
    '/status',
    { config: { access: 'read' }, schema: { operationId: 'getFarmStatus', tags: ['meta'], response: { 200: FarmStatusReport } } },
    async () => ({ status: farm.status() }),
  )

  app.get(
    '/configuration',
    { config: { access: 'read' }, schema: { operationId: 'getConfiguration', tags: ['meta'], response: { 200: ManagerConfiguration } } },
    async () => {
      const { sharedStoragePath, shamanEnabled } = settings.current()
      return { storageLocation: paths.storage(), shamanEnabled, isFirstRun: sharedStoragePath === '' }
    },
  )

  app.get(
    '/configuration/variables/:audience/:platform',
    {
      config: { access: 'read' },
      schema: { operationId: 'getVariables', tags: ['meta'], params: ForPlatform, response: { 200: ManagerVariables, ...errors(400) } },
    },
    async (request) => {
      const { audience, platform } = request.params
      const found = variablesFor(settings.current(), audience, platform, host())
      return Object.fromEntries([...found].map(([name, { value, isTwoWay }]) => [name, { value, is_twoway: isTwoWay }]))
    },
  )

  app.get(
    '/configuration/shared-storage/:audience/:platform',
    {
      config: { access: 'read', openToLan: true },
      schema: {
        operationId: 'getSharedStorage',
        tags: ['meta'],
        params: ForPlatform,
        response: { 200: SharedStorageLocation, ...errors(400) },
      },
    },
    async (request) => {
      const { audience, platform } = request.params
      const current = settings.current()
      const storage = jobsFolder({ ...current, shamanEnabled: false }, host())
      const location = createTextExpander(current, audience, platform, host())(storage)
      return { location, audience, platform, shamanEnabled: current.shamanEnabled }
    },
  )
}
