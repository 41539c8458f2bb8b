/** The composition root of a manager: configuration in, a running manager out. Nothing else puts the parts together. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { goPlatform } from '../shared/crosspath.ts'
import type { ApiContext, ServerContext } from './api/context.ts'
import { fastlaneDialect } from './api/fastlane/index.ts'
import { flamencoDialect } from './api/flamenco/index.ts'
import { openEncryptedDoor, type EncryptedDoor } from './api/encryptedDoor.ts'
import { buildServer } from './api/server.ts'
import { Farm } from './engine/farm.ts'
import type { Logger } from './engine/logger.ts'
import type { Every } from './engine/timers.ts'
import { createExpander, createTextExpander, valuesToVariables, type VariableHost } from './engine/variables.ts'
import { LastRendered } from './files/lastRendered.ts'
import { MissingPreviews } from './files/missingPreviews.ts'
import { Previews } from './files/previews.ts'
import { Shaman } from './files/shaman/shaman.ts'
import { Uploads } from './files/uploads.ts'
import { createJobTypeCatalog, shippedScriptsFolder } from './jobtypes/catalog.ts'
import { createSandbox } from './jobtypes/sandbox.ts'
import { createSubmission } from './jobtypes/submission.ts'
import { Notifier } from './notify/notifier.ts'
import { ownCertificate, readCertificate, type CertificateFiles, type ServerCertificate } from './security/certificate.ts'
import { ownNames } from './security/hosts.ts'
import { ensureOwnerToken } from './security/ownerToken.ts'
import { SecretBox } from './security/secretBox.ts'
import { Security } from './security/security.ts'
import { Backups } from './store/backups.ts'
import { openStore } from './store/farmStore.ts'
import { lockFolder } from './store/folderLock.ts'
import { SegmentLogReader } from './store/segmentLogReader.ts'
import { isCheckoutUsed } from './store/queries/flamenco.ts'
import { StoredSettings } from './store/settingsStore.ts'
import { makeFolders } from './system/makeFolders.ts'

export { CertificateError } from './security/certificate.ts'

export interface ManagerConfig {
  /** Folder of everything it keeps; made when missing. Absolute. */
  dataDir: string
  /** Port 0 takes any free one. */
  listen: { host: string; port: number }
  /** Callers on this machine are the owner and their workers need no approval. */
  trustLoopback: boolean
  /** A second, encrypted door; undefined: there is none. Without files the manager makes itself a certificate. */
  tls?: { host: string; port: number; files?: CertificateFiles }
  log: Logger
  version: string
  /** Milliseconds since the epoch. */
  now?: () => number
}

export interface Manager {
  /** Address of its API, as a client on this machine calls it. */
  readonly url: string
  readonly port: number
  /** The encrypted door, and by what its certificate is known (SHA-256, hex with colons); undefined: there is none. */
  readonly tls: { url: string; port: number; fingerprint: string } | undefined
  /** Its parts, for tests. */
  readonly context: ServerContext
  /** Answers what is under way, writes what waits, closes the database. */
  stop(): Promise<void>
}

const READ_CONNECTIONS = 2

/** @throws FolderInUseError; CertificateError; Error with `code` EADDRINUSE, EACCES, …; or with the database's words when it cannot be opened */
export async function startManager(config: ManagerConfig): Promise<Manager> {
  const { dataDir, log } = config
  const now = config.now ?? Date.now
  const closing: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close()
  }
  try {
    closing.push(await lockFolder(dataDir))
    const opened = await openStore({
      dataDir,
      readConnections: READ_CONNECTIONS,
      onFailure: (error) =>
        log.error({ error: error.message }, 'the database cannot be written: nothing is accepted until the manager is restarted'),
    })
    closing.push(() => opened.close())
    const settings = await StoredSettings.open(opened.read, opened.writer, now)
    const paths: ApiContext['paths'] = {
      data: dataDir,
      previews: join(dataDir, 'previews'),
      scripts: join(dataDir, 'scripts'),
      storage: () => settings.current().sharedStoragePath || join(dataDir, 'storage'),
    }
    for (const folder of [paths.previews, paths.scripts, join(dataDir, 'storage')]) await makeFolders(folder)
    const host = (): VariableHost => ({ platform: goPlatform(process.platform), storagePath: paths.storage() })

    const shaman = new Shaman({ storage: paths.storage, settings: () => settings.current(), now, log })
    const uploads = new Uploads({ shaman, isUsed: (id) => isCheckoutUsed(opened.read, id, ''), now })
    const backups = new Backups({ dataDir, settings: () => settings.current(), now, log })
    const previews = new Previews(paths.previews)
    const lastRendered = new LastRendered({ previews: paths.previews, log, onImage: (jobId) => farm.lastRendered(jobId) })
    const farm: Farm = await Farm.start({
      store: opened.store,
      log,
      now,
      newId: randomUUID,
      settings: () => settings.current(),
      expandFor: (platform) => createExpander(settings.current(), 'workers', platform, host()),
      containerGrant: (owner, commands) => security.containerGrant(owner, commands, settings.current().dockerBlacklist),
      checkoutFolder: (id) => shaman.checkouts.folderOf(id),
      every: everyOn(log),
      async onPurge({ publicId, checkoutId }) {
        // A job that was submitted again shares the checkout of the first one.
        if (checkoutId !== null && !(await isCheckoutUsed(opened.read, checkoutId, publicId))) await shaman.eraseCheckout(checkoutId)
        await previews.removeJob(publicId)
        await lastRendered.remove(publicId)
      },
    })
    closing.push(() => farm.stop())
    settings.onChange(() => farm.settingsChanged())

    const sandbox = createSandbox({ log })
    closing.push(() => sandbox.stop())
    const jobTypes = createJobTypeCatalog({ folders: [paths.scripts, shippedScriptsFolder()], sandbox, log })
    const submission = createSubmission({
      catalog: jobTypes,
      farm,
      settings,
      uploads,
      now,
      randomUuid: randomUUID,
      variables: {
        fromValues: (values, platform) => valuesToVariables(values, settings.current(), platform, host()),
        toValue: (text) => createTextExpander(settings.current(), 'workers', host().platform, host())(text),
      },
    })
    farm.schedules.start((job, { owner, origin }) => {
      // Templates of job types are the native API's; other dialects add tasks to their jobs.
      return submission.prepare({ ...job, origin: origin === 'flamenco' ? origin : 'native', owner })
    }, everyOn(log))
    closing.push(() => farm.schedules.stop())
    const secrets = await SecretBox.open(dataDir)
    const security: Security = await Security.open({ secrets, read: opened.read, write: opened.writer, farm, settings, now, log })
    closing.push(() => security.close())
    if (!config.trustLoopback) {
      const file = await ensureOwnerToken(security.accounts, dataDir)
      if (file !== undefined) log.info({ file }, "nobody could let anybody in yet: this file holds the owner's token")
    }

    const notifier = new Notifier({ read: opened.read, write: opened.writer, settings, secrets, log, now })
    closing.push(() => notifier.stop())
    opened.store.onOutbox = () => notifier.wake()

    const context: ServerContext = {
      farm,
      read: opened.read,
      writer: opened.writer,
      settings,
      jobTypes,
      submission,
      logs: new SegmentLogReader(opened.read, opened.logFolder),
      shaman,
      uploads,
      backups,
      lastRendered,
      paths,
      notifier,
      secrets,
      log,
      now,
      version: config.version,
      security,
    }
    const guiFolder = builtGuiFolder()
    const server = await buildServer(context, {
      trustLoopback: config.trustLoopback,
      dialects: [flamencoDialect, fastlaneDialect],
      ...(guiFolder && { guiFolder }),
    })
    const certificate = config.tls && (await certificateOf(config.tls.files, dataDir, now()))
    let door: EncryptedDoor | undefined
    closing.push(() => Promise.all([door?.close(), server.close()]))
    await server.listen({ host: config.listen.host, port: config.listen.port })
    if (config.tls && certificate) door = await openEncryptedDoor(server, { host: config.tls.host, port: config.tls.port, certificate })
    shaman.start()
    notifier.start()
    backups.start(everyOn(log))
    const missing = new MissingPreviews({
      farm,
      read: opened.read,
      previews,
      settings: () => settings.current(),
      storage: paths.storage,
      log,
      now,
    })
    missing.start(everyOn(log))
    closing.push(() => missing.stop())
    closing.push(() => backups.stop())
    // Starts the sandbox's thread, so that the first submission does not wait for it, and logs scripts that are broken.
    void jobTypes.list().catch(() => undefined)
    closing.push(() => shaman.stop())

    // A listening TCP server's address is an object.
    const { port } = server.server.address() as AddressInfo
    const url = `http://${callableHost(config.listen.host)}:${port}`
    const tls = door && { url: `https://${callableHost(door.host)}:${door.port}`, port: door.port, fingerprint: door.fingerprint }
    log.info({ url, ...(tls && { tls: tls.url, fingerprint: tls.fingerprint }), data: dataDir }, 'manager listens')
    return { url, port, tls, context, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function certificateOf(files: CertificateFiles | undefined, dataDir: string, now: number): Promise<ServerCertificate> {
  return files ? readCertificate(files) : ownCertificate(dataDir, ownNames(), now)
}

/**
 * Checks that run one after another, whatever goes wrong in one of them. All of them run at multiples of their period on one
 * clock, so that those of a farm at rest wake the processor together.
 */
function everyOn(log: Logger): Every {
  return (ms, check) => {
    let stopped = false
    let timer: NodeJS.Timeout
    const again = (): void => {
      timer = setTimeout(
        () => {
          Promise.resolve()
            .then(check)
            .catch((error: unknown) => log.error({ error: String(error) }, 'a periodic check failed'))
            .finally(() => {
              if (!stopped) again()
            })
        },
        ms - (performance.now() % ms),
      )
      timer.unref()
    }
    again()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }
}

/** out/renderer beside out/main, from the bundle as from the sources. */
function builtGuiFolder(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    for (const candidate of [join(folder, 'renderer'), join(folder, 'out', 'renderer')]) {
      if (existsSync(join(candidate, 'index.html')) && !candidate.endsWith(join('src', 'renderer'))) return candidate
    }
    if (dirname(folder) === folder) return undefined
    folder = dirname(folder)
  }
}

/** An address to call for one to listen on. */
function callableHost(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
