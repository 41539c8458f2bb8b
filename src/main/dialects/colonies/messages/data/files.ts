/** Metadata of files, and snapshots: protocol 3.9. The bytes are in a store that speaks S3. */
import { Type } from 'typebox'
import { checkName } from '../../people/executors.ts'
import * as rows from '../../store/files.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { parseExact, stringifyExact } from '../../wire/exactJson.ts'
import { anything, flag, integer, text } from '../../wire/lenient.ts'
import { randomId, wireTime } from '../../wire/values.ts'
import { DONE, message } from '../message.ts'

const FileBody = Type.Object({
  colonyname: text,
  label: text,
  name: text,
  size: integer,
  checksum: text,
  checksumalg: text,
  ref: anything,
})
const LONGEST_PATH = 4_096
const LONGEST_REFERENCE = 65_536

export const FILE_MESSAGES = [
  message('addfilemsg', { file: FileBody }, async ({ context, roles }, { file }, { signer }) => {
    const { colony } = roles.needMember(signer, file.colonyname)
    checkPath(file.label, 'label')
    checkName(file.name, 'name')
    if (file.size < 0) throw new ColoniesError(400, 'size must not be negative')
    const reference = stringifyExact(file.ref)
    if (reference.length > LONGEST_REFERENCE) throw new ColoniesError(400, `ref has more than ${LONGEST_REFERENCE} characters`)
    const row = {
      publicId: randomId(),
      label: file.label,
      name: file.name,
      size: file.size,
      checksum: file.checksum.slice(0, 1_000),
      checksumAlgorithm: file.checksumalg.slice(0, 100),
      reference,
      addedAt: context.now(),
    }
    const sequence = await context.writer.exclusive((tx) => rows.insertFile(tx, colony.id, row))
    return fileView({ ...row, sequence }, colony.name)
  }),
  message(
    'getfilemsg',
    { colonyname: text, fileid: text, label: text, name: text, latest: flag },
    async ({ context, roles }, { colonyname, fileid, label, name, latest }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      if (fileid !== '') {
        const file = await rows.fileById(context.read, colony.id, fileid)
        if (!file) throw new ColoniesError(400, 'Failed to get file')
        return [fileView(file, colony.name)]
      }
      if (label === '' || name === '') throw new ColoniesError(500, 'malformatted get file msg')
      const versions = await rows.versionsOf(context.read, colony.id, label, name)
      if (versions.length === 0) throw new ColoniesError(404, 'Failed to get file')
      return (latest ? versions.slice(0, 1) : versions).map((file) => fileView(file, colony.name))
    },
  ),
  message('getfilesmsg', { colonyname: text, label: text }, async ({ context, roles }, { colonyname, label }, { signer }) => {
    const { colony } = roles.needMember(signer, colonyname)
    const files = await rows.filesOf(context.read, colony.id, label)
    return files.map(({ name, checksum, size, reference }) => ({ name, checksum, size, s3filename: objectOf(reference) }))
  }),
  message(
    'getfilelabelsmsg',
    { colonyname: text, name: text, exact: flag },
    async ({ context, roles }, { colonyname, name, exact }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      const labels = await rows.labelsOf(context.read, colony.id)
      if (name === '') return labels
      if (!exact) return labels.filter((label) => label.name.startsWith(name))
      // Without files of its own it counts as unknown, whatever is below it.
      if (!labels.some((label) => label.name === name)) return []
      return labels.filter((label) => label.name === name || label.name.startsWith(`${name}/`))
    },
  ),
  message(
    'removefilemsg',
    { colonyname: text, fileid: text, label: text, name: text },
    async ({ context, roles }, { colonyname, fileid, label, name }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      if (fileid === '' && (label === '' || name === '')) throw new ColoniesError(400, 'fileid, or label and name, are missing')
      await context.writer.exclusive((tx) => rows.deleteFile(tx, colony.id, fileid === '' ? { label, name } : { publicId: fileid }))
      return DONE
    },
  ),
  message('createsnapshotmsg', { colonyname: text, label: text, name: text }, async ({ context, roles }, body, { signer }) => {
    const { colony } = roles.needMember(signer, body.colonyname)
    checkName(body.name, 'name')
    checkPath(body.label, 'label')
    const label = body.label.length > 1 ? body.label.replace(/\/+$/, '') : body.label
    const files = await rows.filesUnder(context.read, colony.id, label)
    const row = {
      publicId: randomId(),
      label,
      name: body.name,
      fileIds: JSON.stringify(files.map(({ publicId }) => publicId)),
      addedAt: context.now(),
    }
    const added = await context.writer.exclusive((tx) => rows.insertSnapshot(tx, colony.id, row))
    if (!added) throw new ColoniesError(500, `Snapshot with name <${body.name}> in Colony <${colony.name}> already exists`)
    return snapshotView(row, colony.name)
  }),
  message(
    'getsnapshotmsg',
    { colonyname: text, snapshotid: text, name: text },
    async ({ context, roles }, { colonyname, snapshotid, name }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      const snapshot = await rows.findSnapshot(context.read, colony.id, snapshotid, name)
      if (!snapshot) throw new ColoniesError(500, 'Failed to get snapshot')
      return snapshotView(snapshot, colony.name)
    },
  ),
  message('getsnapshotsmsg', { colonyname: text }, async ({ context, roles }, { colonyname }, { signer }) => {
    const { colony } = roles.needMember(signer, colonyname)
    return (await rows.listSnapshots(context.read, colony.id)).map((row) => snapshotView(row, colony.name))
  }),
  message(
    'removesnapshotmsg',
    { colonyname: text, snapshotid: text, name: text },
    async ({ context, roles }, { colonyname, snapshotid, name }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      if (!(await rows.findSnapshot(context.read, colony.id, snapshotid, name))) throw new ColoniesError(500, 'Failed to get snapshot')
      await context.writer.exclusive((tx) => rows.deleteSnapshots(tx, colony.id, snapshotid, name))
      return DONE
    },
  ),
  message('removeallsnapshotmsg', { colonyname: text }, async ({ context, roles }, { colonyname }, { signer }) => {
    const { colony } = roles.needMember(signer, colonyname)
    await context.writer.exclusive((tx) => rows.deleteSnapshots(tx, colony.id))
    return DONE
  }),
]

/** @throws ColoniesError 400 */
function checkPath(path: string, field: string): void {
  if (path === '') throw new ColoniesError(400, `${field} is missing`)
  if (path.length > LONGEST_PATH) throw new ColoniesError(400, `${field} has more than ${LONGEST_PATH} characters`)
}

function fileView(file: rows.FileRow, colonyName: string): Record<string, unknown> {
  return {
    fileid: file.publicId,
    colonyname: colonyName,
    label: file.label,
    name: file.name,
    size: file.size,
    sequencenr: file.sequence,
    checksum: file.checksum,
    checksumalg: file.checksumAlgorithm,
    ref: parseExact(file.reference),
    added: wireTime(file.addedAt),
  }
}

function objectOf(reference: string): string {
  // What a client sent: anything.
  const ref = parseExact(reference) as { s3object?: { object?: unknown } } | null
  const object = ref?.s3object?.object
  return typeof object === 'string' ? object : ''
}

function snapshotView({ publicId, label, name, fileIds, addedAt }: rows.SnapshotRow, colonyName: string): Record<string, unknown> {
  // Written above.
  return { snapshotid: publicId, colonyname: colonyName, label, name, fileids: JSON.parse(fileIds) as string[], added: wireTime(addedAt) }
}
