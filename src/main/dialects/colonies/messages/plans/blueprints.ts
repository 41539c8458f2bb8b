/** Blueprint definitions, blueprints (protocol 3.11) and locations (3.12). Some messages call the colony a namespace. */
import { Type } from 'typebox'
import { Blueprint, Definition } from '../../blueprints/forms.ts'
import { checkName } from '../../people/executors.ts'
import type { Colony } from '../../people/registry.ts'
import type { Initiator } from '../../processes/submission.ts'
import type { Service } from '../../service.ts'
import * as rows from '../../store/blueprints.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { flag, integer, mapOf, anything, text } from '../../wire/lenient.ts'
import { randomId } from '../../wire/values.ts'
import { DONE, message } from '../message.ts'

const LocationBody = Type.Object({ name: text, colonyname: text, description: text, long: Type.Number(), lat: Type.Number() })
const SPACE = { namespace: text, name: text }

export const BLUEPRINT_MESSAGES = [
  message(
    'addblueprintdefinitionmsg',
    { blueprintdefinition: Definition },
    ({ roles, blueprints }, { blueprintdefinition: definition }, { signer }) => {
      const colony = roles.needOwner(signer, definition.metadata.colonyname)
      checkName(definition.metadata.name, 'metadata.name')
      return blueprints.define(colony, definition)
    },
    {
      audit: ({ blueprintdefinition: { metadata } }) => ({
        action: 'addBlueprintDefinition',
        kind: 'blueprint-definition',
        id: metadata.name,
        detail: { colony: metadata.colonyname },
      }),
    },
  ),
  message('getblueprintdefinitionmsg', { colonyname: text, name: text }, ({ roles, blueprints }, { colonyname, name }, { signer }) =>
    blueprints.definition(roles.needMemberOrOwner(signer, colonyname), name),
  ),
  message('getblueprintdefinitionsmsg', { colonyname: text }, ({ roles, blueprints }, { colonyname }, { signer }) =>
    blueprints.definitions(roles.needMemberOrOwner(signer, colonyname)),
  ),
  message(
    'removeblueprintdefinitionmsg',
    SPACE,
    async ({ roles, blueprints }, { namespace, name }, { signer }) => {
      await blueprints.undefine(roles.needOwner(signer, namespace), name)
      return DONE
    },
    {
      audit: ({ namespace, name }) => ({
        action: 'removeBlueprintDefinition',
        kind: 'blueprint-definition',
        id: name,
        detail: { colony: namespace },
      }),
    },
  ),
  message(
    'addblueprintmsg',
    { blueprint: Blueprint },
    (service, { blueprint }, { signer }) => {
      const colony = service.roles.needMemberOrOwner(signer, blueprint.metadata.colonyname)
      checkName(blueprint.metadata.name, 'metadata.name')
      return service.blueprints.add(colony, blueprint, initiator(service, colony, signer))
    },
    {
      audit: ({ blueprint: { metadata } }) => ({
        action: 'addBlueprint',
        kind: 'blueprint',
        id: metadata.name,
        detail: { colony: metadata.colonyname },
      }),
    },
  ),
  message('getblueprintmsg', SPACE, ({ roles, blueprints }, { namespace, name }, { signer }) =>
    blueprints.get(roles.needMemberOrOwner(signer, namespace), name),
  ),
  message(
    'getblueprintsmsg',
    { namespace: text, kind: text, locationname: text },
    ({ roles, blueprints }, { namespace, kind, locationname }, { signer }) =>
      blueprints.list(roles.needMemberOrOwner(signer, namespace), kind, locationname),
  ),
  message(
    'updateblueprintmsg',
    { blueprint: Blueprint, forcegeneration: flag },
    (service, { blueprint, forcegeneration }, { signer }) => {
      const colony = service.roles.needMemberOrOwner(signer, blueprint.metadata.colonyname)
      return service.blueprints.update(colony, blueprint, forcegeneration, initiator(service, colony, signer))
    },
    {
      audit: ({ blueprint: { metadata } }) => ({
        action: 'changeBlueprint',
        kind: 'blueprint',
        id: metadata.name,
        detail: { colony: metadata.colonyname },
      }),
    },
  ),
  message(
    'updateblueprintstatusmsg',
    { colonyname: text, blueprintname: text, status: mapOf(anything) },
    async ({ roles, blueprints }, { colonyname, blueprintname, status }, { signer }) => {
      await blueprints.setStatus(roles.needMember(signer, colonyname).colony, blueprintname, status)
      return DONE
    },
  ),
  message('reconcileblueprintmsg', { ...SPACE, force: flag }, ({ roles, blueprints }, { namespace, name, force }, { signer }) => {
    const member = roles.needMember(signer, namespace)
    return blueprints.reconcileNow(member.colony, name, force, { id: signer, name: member.name })
  }),
  message(
    'removeblueprintmsg',
    SPACE,
    async (service, { namespace, name }, { signer }) => {
      const colony = service.roles.needMemberOrOwner(signer, namespace)
      await service.blueprints.remove(colony, name, initiator(service, colony, signer))
      return DONE
    },
    { audit: ({ namespace, name }) => ({ action: 'removeBlueprint', kind: 'blueprint', id: name, detail: { colony: namespace } }) },
  ),
  message(
    'getblueprinthistorymsg',
    { blueprintid: text, limit: integer },
    async ({ roles, registry, blueprints }, { blueprintid, limit }, { signer }) => {
      const row = await blueprints.needById(blueprintid)
      const colony = roles.needMemberOrOwner(signer, registry.findById(row.colonyId)?.name ?? '')
      return blueprints.historyOf(row, colony.name, limit)
    },
  ),
  message('addlocationmsg', { location: LocationBody }, async ({ context, roles }, { location }, { signer }) => {
    const colony = roles.needOwner(signer, location.colonyname)
    checkName(location.name, 'name')
    const { name, description, long, lat } = location
    const row = { publicId: randomId(), name, description: description.slice(0, 10_000), long, lat }
    const added = await context.writer.exclusive((tx) => rows.insertLocation(tx, colony.id, row))
    if (!added) throw new ColoniesError(400, `Location with name <${name}> in Colony <${colony.name}> already exists`)
    return locationView(row, colony)
  }),
  message('getlocationsmsg', { colonyname: text }, async ({ context, roles }, { colonyname }, { signer }) => {
    const colony = roles.needInsider(signer, colonyname)
    return (await rows.listLocations(context.read, colony.id)).map((row) => locationView(row, colony))
  }),
  message('getlocationmsg', { colonyname: text, name: text }, async ({ context, roles }, { colonyname, name }, { signer }) => {
    const colony = roles.needInsider(signer, colonyname)
    const found = (await rows.listLocations(context.read, colony.id)).find((row) => row.name === name)
    if (!found) throw new ColoniesError(404, 'Location not found')
    return locationView(found, colony)
  }),
  message('removelocationmsg', { colonyname: text, name: text }, async ({ context, roles }, { colonyname, name }, { signer }) => {
    const colony = roles.needOwner(signer, colonyname)
    const removed = await context.writer.exclusive((tx) => rows.deleteLocation(tx, colony.id, name))
    if (!removed) throw new ColoniesError(404, 'Location not found')
    return DONE
  }),
]

/** A colony's owner is no member, and has no name there. */
function initiator({ roles }: Service, colony: Colony, signer: string): Initiator {
  return { id: signer, name: roles.member(signer, colony)?.name ?? 'colony owner' }
}

function locationView({ publicId, name, description, long, lat }: rows.LocationRow, colony: Colony): Record<string, unknown> {
  return { locationid: publicId, name, colonyname: colony.name, description, long, lat }
}
