/** Reads and changes the configuration (§1.1). For admins only: some of it runs programs, all of it decides what workers run. */
import path from 'node:path'
import { Type, type Static } from 'typebox'
import { ALL_ADDRESSES } from '../../../../shared/schemas/listeners.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import type { ApiContext } from '../../../http/context.ts'
import { checkBlender, findBlenders, type BlenderCheck, type FinderHost } from '../blenderFinder.ts'
import { fileKeyOf, fileToSettings, settingsToFile, type FixedFacts } from '../configFile.ts'
import { WireError } from '../errors.ts'
import { errors, NOTHING, type TypedApp } from '../routeSupport.ts'
import { AnyObject } from '../schemas/common.ts'
import { BlenderPathCheckResult, PathCheckInput, PathCheckResult, SetupAssistantConfig } from '../schemas/meta.ts'
import { checkSharedStorage } from '../storageCheck.ts'

export function configurationRoutes(app: TypedApp, context: ApiContext): void {
  const { settings, paths, listeners } = context
  const host: FinderHost = { platform: process.platform, env: process.env }

  app.post(
    '/configuration/check/shared-storage',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'checkSharedStoragePath',
        tags: ['meta'],
        body: PathCheckInput,
        response: { 200: PathCheckResult, ...errors(400) },
      },
    },
    async (request) => checkSharedStorage(request.body.path, paths.data),
  )

  app.get(
    '/configuration/check/blender',
    {
      config: { access: 'admin' },
      schema: { operationId: 'findBlenderExePath', tags: ['meta'], response: { 200: Type.Array(BlenderPathCheckResult) } },
    },
    async () => findBlenders(host),
  )

  app.post(
    '/configuration/check/blender',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'checkBlenderExePath',
        tags: ['meta'],
        body: PathCheckInput,
        response: { 200: BlenderPathCheckResult, ...errors(400) },
      },
    },
    async (request) => checkBlender(request.body.path, host),
  )

  app.post(
    '/configuration/setup-assistant',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'saveSetupAssistantConfig',
        tags: ['meta'],
        body: SetupAssistantConfig,
        response: { ...NOTHING, ...errors(400) },
      },
    },
    async (request, reply) => {
      const { storageLocation, blender } = assistantChoice(request.body)
      const isTwoWay = false
      const changes = {
        sharedStoragePath: storageLocation,
        variables: {
          ...settings.current().variables,
          blender: { isTwoWay, values: ['linux', 'windows', 'darwin'].map((platform) => ({ platforms: [platform], value: blender })) },
          blenderArgs: { isTwoWay, values: [{ platforms: ['all'], value: '-b -y' }] },
        },
      }
      await renamed(
        (field) => (field === 'sharedStoragePath' ? 'storageLocation' : field),
        () => settings.update(changes),
      )
      return reply.code(204).send()
    },
  )

  app.get(
    '/configuration/file',
    { config: { access: 'admin' }, schema: { operationId: 'getConfigurationFile', tags: ['meta'], response: { 200: AnyObject } } },
    async () => settingsToFile(settings.current(), fixedFacts()),
  )

  app.put(
    '/configuration/file',
    {
      config: { access: 'admin' },
      schema: { operationId: 'updateConfigurationFile', tags: ['meta'], body: AnyObject, response: { ...NOTHING, ...errors(400) } },
    },
    async (request, reply) => {
      const changes = fileToSettings(request.body, fixedFacts())
      await renamed(fileKeyOf, () => settings.update(changes))
      return reply.code(204).send()
    },
  )

  function fixedFacts(): FixedFacts {
    return {
      listen: listenText(listeners.list()),
      database: path.join(paths.data, 'framehouse.sqlite'),
      localManagerStoragePath: paths.data,
    }
  }
}

/** Validation errors use our setting names; clients only know those of the wire format. */
async function renamed(nameOf: (field: string) => string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof InvalidInputError) throw new InvalidInputError(nameOf(error.field), `${nameOf(error.field)}: ${error.message}`)
    throw error
  }
}

function listenText([first]: readonly { address: string; port: number }[]): string {
  if (first === undefined) return ''
  const { address, port } = first
  // As a Flamenco Manager writes it.
  if (address === ALL_ADDRESSES) return `:${port}`
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The choice made on the assistant's page. @throws WireError 400 naming what is missing */
function assistantChoice(config: Static<typeof SetupAssistantConfig>): { storageLocation: string; blender: string } {
  const { storageLocation, blenderExecutable: chosen } = config
  if (storageLocation.trim() === '') throw new WireError(400, 'storageLocation is empty', 'storageLocation')
  if (!chosen.is_usable)
    throw new WireError(400, 'blenderExecutable/is_usable is false: this Blender cannot be used', 'blenderExecutable/is_usable')
  const value = blenderValue(chosen)
  if (value === '')
    throw new WireError(400, `blenderExecutable: a source of "${chosen.source}" needs ${neededBy(chosen.source)}`, 'blenderExecutable')
  return { storageLocation, blender: /[\n\t;()]/.test(value) ? JSON.stringify(value) : value }
}

/** The value of the variable `blender`; empty when the choice is incomplete. */
function blenderValue({ source, path: exe, input }: BlenderCheck): string {
  if (source === 'default') return 'blender'
  if (exe === '') return ''
  if (source === 'file_association') return 'blender'
  if (input === '') return ''
  return source === 'path_envvar' ? input : exe
}

function neededBy(source: BlenderCheck['source']): string {
  return source === 'file_association' ? 'a path' : 'a path and an input'
}
