/** Version, configuration and Shaman on the wire (Flamenco §1.6). */
import { Type } from 'typebox'
import { FARM_STATUSES } from '../../../../shared/enums.ts'
import { Int, mapOf, named, words } from './common.ts'

export const FlamencoVersion = named('FlamencoVersion', {
  version: Type.String(),
  shortversion: Type.String(),
  name: Type.String(),
  git: Type.String(),
})
export const FarmStatusReport = named('FarmStatusReport', { status: words('FarmStatus', FARM_STATUSES) })
export const ManagerConfiguration = named('ManagerConfiguration', {
  storageLocation: Type.String(),
  shamanEnabled: Type.Boolean(),
  isFirstRun: Type.Boolean(),
})
export const BlenderPathSource = words('BlenderPathSource', ['file_association', 'path_envvar', 'system_location', 'input_path', 'default'])
export const PathCheckInput = named('PathCheckInput', { path: Type.String({ maxLength: 4096 }) })
export const PathCheckResult = named('PathCheckResult', {
  path: Type.String(),
  is_usable: Type.Boolean(),
  cause: Type.String(),
})
export const BlenderPathCheckResult = named('BlenderPathCheckResult', {
  input: Type.String(),
  path: Type.String(),
  source: BlenderPathSource,
  is_usable: Type.Boolean(),
  cause: Type.String(),
})
export const SetupAssistantConfig = named('SetupAssistantConfig', {
  storageLocation: Type.String({ maxLength: 4096 }),
  blenderExecutable: BlenderPathCheckResult,
})
export const Audience = words('ManagerVariableAudience', ['workers', 'users'])
export const ManagerVariable = named('ManagerVariable', { value: Type.String(), is_twoway: Type.Boolean() })
export const ManagerVariables = mapOf(ManagerVariable)
export const SharedStorageLocation = named('SharedStorageLocation', {
  location: Type.String(),
  audience: Audience,
  platform: Type.String(),
  shamanEnabled: Type.Boolean(),
})

const ShamanStatus = words('ShamanFileStatus', ['unknown', 'uploading', 'stored'])
/** Lower-case hex SHA-256; upper case is accepted and lowered. */
export const Sha256 = Type.String({ pattern: '^[0-9a-fA-F]{64}$', description: 'a SHA-256 in hexadecimal' })
const fileSpec = {
  sha: Sha256,
  size: Type.Integer({ minimum: 0 }),
  path: Type.String({ minLength: 1, maxLength: 4096 }),
}
export const ShamanFileSpec = named('ShamanFileSpec', fileSpec)
export const ShamanRequirementsRequest = named('ShamanRequirementsRequest', { files: Type.Array(ShamanFileSpec) })
export const ShamanRequirementsResponse = named('ShamanRequirementsResponse', {
  files: Type.Array(named('ShamanFileSpecWithStatus', { sha: Type.String(), size: Int, path: Type.String(), status: ShamanStatus })),
})
export const ShamanCheckout = named('ShamanCheckout', {
  files: Type.Array(ShamanFileSpec),
  checkoutPath: Type.String({ maxLength: 1024 }),
})
export const ShamanCheckoutResult = named('ShamanCheckoutResult', { checkoutPath: Type.String() })
export const ShamanSingleFileStatus = named('ShamanSingleFileStatus', { status: ShamanStatus })
