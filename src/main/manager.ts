/** The composition root of a manager: configuration in, a running manager out. The only place that assembles the parts. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { goPlatform } from '../shared/paths/crosspath.ts'
import { deferred } from '../shared/async.ts'
import { everyOn } from './engine/every.ts'
import { builtGuiFolder, callableHost } from './http/places.ts'
import type { Access, ApiContext, ServerContext } from './http/context.ts'
import { actorsDialect } from './dialects/actors/index.ts'
import { coloniesDialect } from './dialects/colonies/index.ts'
import { fastlaneDialect } from './dialects/fastlane/index.ts'
import { flamencoDialect } from './dialects/flamenco/index.ts'
import { nativeDialect } from './dialects/native/index.ts'
import type { Dialect } from './http/dialect.ts'
import { FarmListeners } from './http/listeners/farmListeners.ts'
import { loopbackOnlySwitch } from './http/listeners/loopbackOnly.ts'
import { buildServer } from './http/server.ts'
import { DataDamagedError } from './engine/base/errors.ts'
import { Farm } from './engine/farm.ts'
import type { Logger } from '../shared/logger.ts'
import { WatchedClock } from './engine/base/watchedClock.ts'
import { createExpander, createTextExpander, valuesToVariables, type VariableHost } from './engine/compile/variables.ts'
import { createFrameLooks } from './files/looks/frameLooks.ts'
import { LastRendered } from './files/lastRendered.ts'
import { MissingPreviews } from './files/missingPreviews.ts'
import { Previews } from './files/previews.ts'
import { twoWayValues, withVariable } from './files/sharedFiles.ts'
import { StorageRoots } from './files/roots/storageRoots.ts'
import { declaredRoots } from './files/roots/rootPaths.ts'
import { Shaman } from './files/shaman/shaman.ts'
import { ContentStore } from './files/content/content.ts'
import { ContentLinks } from './files/content/links.ts'
import { JobInputs } from './files/inputs.ts'
import { RESULTS_FOLDER } from './files/mayOpen.ts'
import { ownFolder, rootFor, type ResultBases } from './files/results/places.ts'
import { Results } from './files/results/results.ts'
import { Uploads } from './files/uploads.ts'
import { BlendInspector } from './jobtypes/submission/blendInspector.ts'
import { createJobTypeCatalog, shippedScriptsFolder } from './jobtypes/scripts/catalog.ts'
import { JobLooks } from './jobtypes/submission/jobLooks.ts'
import { createSandbox } from './jobtypes/sandbox/sandbox.ts'
import { ClaimBook } from './jobtypes/submission/claimBook.ts'
import { createSubmission } from './jobtypes/submission/submission.ts'
import { Alerts } from './notify/alerts.ts'
import { Notifier } from './notify/notifier.ts'
import type { CertificateFiles } from './security/tls/certificate.ts'
import { ensureOwnerToken } from './security/tokens/ownerToken.ts'
import { SecretBox } from './security/secretBox.ts'
import { Security } from './security/security.ts'
import { Backups } from './store/backup/backups.ts'
import { claimHolders } from './store/outputClaims.ts'
import { realFolder } from './system/realFolder.ts'
import { isDamage } from './store/connection.ts'
import { openStore } from './store/openStore.ts'
import { databaseDamage } from './store/guard/damage.ts'
import { checkDataFolder, DATABASE, DataFolderError } from './store/guard/dataFolder.ts'
import { Guard } from './store/guard/guard.ts'
import { lockFolder } from './store/folderLock.ts'
import { announceFarm } from './announceFarm.ts'
import { SegmentLogReader } from './logs/segmentLogReader.ts'
import { isInputNeeded } from './store/queries/jobs/attemptResults.ts'
import { isCheckoutUsed } from './store/queries/jobs/checkouts.ts'
import { StoredSettings } from './store/settingsStore.ts'
import { ensureDir } from './system/ensureDir.ts'

export { CertificateError } from './security/tls/certificate.ts'
export { LoopbackOnlyError } from './http/listeners/loopbackOnly.ts'
export { DataFolderError } from './store/guard/dataFolder.ts'

export interface ManagerConfig {
  /** Folder of all its data; created when missing. Absolute. */
  dataDir: string
  /** Port 0 takes any free one; host `*`: all addresses. */
  listen: { host: string; port: number }
  /** Callers on this machine are the owner and their workers need no approval. */
  trustLoopback: boolean
  /** A TLS listener; undefined: there is none. Without files the manager creates its own certificate. */
  tls?: { host: string; port: number; files?: CertificateFiles }
  /** Colonies' published development keys are allowed; only with listeners on loopback addresses. */
  coloniesDevKeys?: boolean
  log: Logger
  version: string
  /** Milliseconds since the epoch. */
  now?: () => number
  /** Instead of DIALECTS, for tests. */
  dialects?: readonly Dialect[]
  /** Ids of jobs, workers and the like: UUIDs. */
  newId?: () => string
}

export interface Manager {
  /** Address of its API, as a client on this machine calls it. */
  readonly url: string
  readonly port: number
  /** The TLS listener of its configuration, and the fingerprint that workers expect (SHA-256, hex with colons); undefined: there is none. */
  readonly tls: { url: string; port: number; fingerprint: string } | undefined
  /** Every route that it answers, for tests. */
  readonly routes: readonly { method: string; url: string; access: Access | undefined }[]
  /** Resolves when nothing can be written any longer and only a restart could help. */
  readonly broken: Promise<void>
  /** Its parts, for tests. */
  readonly context: ServerContext
  /** Answers running requests, writes pending changes, closes the database. */
  stop(): Promise<void>
}

/** The API families of this program. A new one is a folder and a line here. */
export const DIALECTS: readonly Dialect[] = [nativeDialect, flamencoDialect, fastlaneDialect, actorsDialect, coloniesDialect]

const READ_CONNECTIONS = 2

/** @throws FolderInUseError; CertificateError; Error with `code` EADDRINUSE, EACCES, …; or with the database's words when it cannot be opened */
export async function startManager(config: ManagerConfig): Promise<Manager> {
  const { dataDir, log, dialects = DIALECTS } = config
  const clock = new WatchedClock()
  const now = config.now ?? clock.now
  const closing: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close()
  }
  try {
    closing.push(await lockFolder(dataDir))
    await checkDataFolder(dataDir)
    const guard = new Guard({ dataDir, log, now })
    const opened = await openStore({
      dataDir,
      readConnections: READ_CONNECTIONS,
      dialects,
      onFailure: (error) => void guard.noteFailure(error),
      onDamage: (error) => void guard.noteDamage(error),
      disk: guard.disk,
      space: guard.space,
    }).catch((error: unknown) => asFolderError(error, dataDir))
    closing.push(() => guard.closed())
    closing.push(() => opened.close())
    closing.push(() => guard.stop())
    await guard.opened(opened.writer, opened.read)
    const settings = await StoredSettings.open(
      opened.read,
      opened.writer,
      now,
      dialects.map((dialect) => dialect.settings ?? {}),
    )
    const ownStorage = join(dataDir, 'storage')
    const paths: ApiContext['paths'] = {
      data: dataDir,
      previews: join(dataDir, 'previews'),
      scripts: join(dataDir, 'scripts'),
      storage: () => settings.current().sharedStoragePath || ownStorage,
    }
    for (const folder of [paths.previews, paths.scripts, ownStorage]) await ensureDir(folder)
    const host = (): VariableHost => ({ platform: goPlatform(process.platform), storagePath: paths.storage() })

    const links = new ContentLinks(opened.read, opened.writer)
    const shaman = new Shaman({
      storage: paths.storage,
      settings: () => settings.current(),
      now,
      isNeeded: async (blob) => (await isInputNeeded(opened.read, blob)) || links.isLinked(blob.sha),
      log,
    })
    const content = new ContentStore(shaman.store, links, paths.storage)
    const uploads = new Uploads({ shaman, isUsed: (id) => isCheckoutUsed(opened.read, id, ''), now })
    const inputs = new JobInputs({ shaman, uploads, read: opened.read, writer: opened.writer })
    const resultBases = (): ResultBases => ({
      own: join(dataDir, RESULTS_FOLDER),
      shared: [paths.storage(), ...twoWayValues(settings.current(), host())],
    })
    const results = new Results({
      bases: resultBases,
      read: opened.read,
      writer: opened.writer,
      maxBytes: () => settings.current().resultsMaxBytes,
      now,
    })
    await results.open()
    const backups = new Backups({ dataDir, settings: () => settings.current(), now, log, space: guard.space })
    const previews = new Previews(paths.previews)
    const lastRendered = new LastRendered({ previews: paths.previews, log, onImage: (jobId) => farm.results.lastRendered(jobId) })
    const started = deferred<Farm>()
    const pathFor = (path: string, from: string, to: string): string => {
      if (from === to) return path
      const named = withVariable(path, from, settings.current(), host())
      return createTextExpander(settings.current(), 'workers', to, host())(named)
    }
    const farm: Farm = await Farm.start({
      store: opened.store,
      log,
      now,
      onClockJump: clock.onJump,
      newId: config.newId ?? randomUUID,
      settings: () => settings.current(),
      expandFor: (platform) => createExpander(settings.current(), 'workers', platform, host()),
      ownerRights: (ownerId) => security.accounts.rightsOf(ownerId, settings.current().openToLan),
      containerGrant: (adminRights, commands) => security.containerGrant(adminRights, commands, settings.current().dockerBlacklist),
      pathFor,
      pathOn: (path, to) => pathFor(path, host().platform, to),
      looks: createFrameLooks(started.promise, {
        settings: () => settings.current(),
        host: () => ({ ...host(), dataFolder: dataDir }),
        read: opened.read,
        log,
      }),
      checkoutFolder: (id) => shaman.checkouts.folderOf(id),
      every: everyOn(log),
      onSubmitted: (job, settings) => blendLooks.submitted(job, settings),
      onRequeued: (job) => blendLooks.requeued(job),
      onClone: (worker) => guard.noteClone(worker),
      async onPurge({ publicId, checkoutId, resultsRoot }) {
        // A job that was submitted again shares the checkout of the first one.
        if (checkoutId !== null && !(await isCheckoutUsed(opened.read, checkoutId, publicId))) await inputs.erase(checkoutId)
        if (resultsRoot !== null) await results.removeJob(resultsRoot)
        await previews.removeJob(publicId)
        await lastRendered.remove(publicId)
      },
    })
    started.resolve(farm)
    closing.push(() => farm.stop())
    settings.onChange(() => farm.settingsChanged())
    guard.space.onRoom = () => farm.roomAgain()
    guard.faults.onChange((fault, state) => {
      farm.setBroken(guard.faults.broken)
      alerts.tell(fault, state)
    })

    const sandbox = createSandbox({ log })
    closing.push(() => sandbox.stop())
    const jobTypes = createJobTypeCatalog({ folders: [paths.scripts, shippedScriptsFolder()], sandbox, log })
    const toValue = (text: string): string => createTextExpander(settings.current(), 'workers', host().platform, host())(text)
    const inspector = new BlendInspector({ farm, read: opened.read, uploads, now })
    const blendLooks = new JobLooks({ farm, read: opened.read, inspector, toValue, log, now })
    const submission = createSubmission({
      catalog: jobTypes,
      farm,
      settings,
      uploads,
      now,
      randomUuid: config.newId ?? randomUUID,
      results: {
        own: resultBases().own,
        folder: (job) => ownFolder(resultBases(), job),
        rootFor: (output, folder) => rootFor(output, folder, resultBases()),
      },
      claims: { book: new ClaimBook((key) => claimHolders(opened.read, key), now), realFolder },
      variables: {
        fromValues: (values, platform) => valuesToVariables(values, settings.current(), platform, host()),
        toValue,
        roots: (paths) => declaredRoots(paths, settings.current(), host()),
      },
    })
    const secrets = await SecretBox.open(dataDir)
    const security: Security = await Security.open({
      secrets,
      read: opened.read,
      write: opened.writer,
      farm,
      settings,
      now,
      steady: () => performance.now(),
      log,
    })
    closing.push(() => security.close())
    farm.schedules.start((job, { origin, ...ownership }) => {
      // Templates of job types are the native API's; other dialects add tasks to their jobs.
      return submission.prepare({ ...job, origin, ...ownership })
    }, everyOn(log))
    closing.push(() => farm.schedules.stop())
    if (!config.trustLoopback) {
      const file = await ensureOwnerToken(security.accounts, dataDir)
      if (file !== undefined) log.info({ file }, "no account exists yet; this file contains the owner's token")
    }

    const notifier = new Notifier({ read: opened.read, write: opened.writer, settings, secrets, log, now })
    closing.push(() => notifier.stop())
    const alerts = new Alerts({ notifier, settings: () => settings.current(), log })
    closing.push(() => Promise.resolve(alerts.stop()))
    opened.store.outboxFilled.on(() => notifier.wake())

    const doors = await FarmListeners.open({
      dataDir,
      identity: opened.identity,
      secrets,
      settings,
      read: opened.read,
      writer: opened.writer,
      dialects,
      loopbackOnly: () => loopbackOnlySwitch(dialects, settings.current(), config.coloniesDevKeys ?? false),
      ownFiles: config.tls?.files,
      log,
      now,
    })
    doors.guard(settings)
    const context: ServerContext = {
      farm,
      read: opened.read,
      writer: opened.writer,
      settings,
      jobTypes,
      submission,
      inspector,
      logs: new SegmentLogReader(opened.read, opened.logFolder),
      shaman,
      uploads,
      content,
      inputs,
      results,
      backups,
      faults: guard.faults,
      lastRendered,
      paths,
      notifier,
      secrets,
      log,
      now,
      version: config.version,
      identity: opened.identity,
      coloniesDevKeys: config.coloniesDevKeys ?? false,
      listeners: doors.listeners,
      ...doors.forContext(),
      dialects,
      security,
    }
    const guiFolder = builtGuiFolder()
    const server = await buildServer(context, {
      trustLoopback: config.trustLoopback,
      ...(guiFolder && { guiFolder }),
    })
    closing.push(() => Promise.all([doors.close(), server.close()]))
    await server.ready()
    await doors.start(server, [{ ...config.listen, tls: false }, ...(config.tls ? [{ ...config.tls, tls: true }] : [])], everyOn(log))
    closing.push(
      announceFarm({
        listeners: doors.listeners,
        settings,
        identity: opened.identity,
        authority: () => doors.authority,
        version: config.version,
        log,
      }),
    )
    guard.start(everyOn(log))
    shaman.start()
    notifier.start()
    backups.start(everyOn(log))
    const missing = new MissingPreviews({
      farm,
      read: opened.read,
      previews,
      settings: () => settings.current(),
      host: () => ({ ...host(), dataFolder: dataDir }),
      log,
      now,
    })
    missing.start(everyOn(log))
    const roots = new StorageRoots({
      farm,
      proofs: farm.parts.storage,
      settings,
      host,
      farmId: opened.identity.id,
      randomText: randomUUID,
      now,
      log,
    })
    await roots.start(everyOn(log))
    closing.push(() => roots.stop())
    await blendLooks.resume()
    blendLooks.start(everyOn(log))
    closing.push(async () => blendLooks.stop())
    closing.push(() => missing.stop())
    closing.push(() => backups.stop())
    // Starts the sandbox's thread, so that the first submission does not wait for it, and logs scripts that are broken.
    void jobTypes.list().catch(() => undefined)
    closing.push(() => shaman.stop())
    closing.push(() => content.close())

    const [{ port } = config.listen, secure] = doors.listeners.list().filter(({ source }) => source === 'command-line')
    const url = `http://${callableHost(config.listen.host)}:${port}`
    const tls = secure && {
      url: `https://${callableHost(secure.address)}:${secure.port}`,
      port: secure.port,
      fingerprint: doors.fingerprintOf(secure),
    }
    log.info({ url, ...(tls && { tls: tls.url, fingerprint: tls.fingerprint }), data: dataDir }, 'manager listens')
    const routes = server.declaredRoutes.flatMap(({ method, url: path, config }) =>
      [method].flat().map((each) => ({ method: each, url: path, access: config?.access })),
    )
    return { url, port, tls, routes, context, stop, broken: guard.broken }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Damage that shows as the database is opened, with what can be done about it. */
async function asFolderError(error: unknown, dataDir: string): Promise<never> {
  if (!(error instanceof DataDamagedError) && !isDamage(error)) throw error
  const { message, remedy } = await databaseDamage(dataDir, join(dataDir, DATABASE), error.message)
  throw new DataFolderError(`${message}\n${remedy}`)
}
