/** The scripts of job types as an admin edits them: read any, save and remove one's own. */
import { randomBytes, randomUUID } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sequencer } from '../../../shared/async.ts'
import { InvalidInputError, NotFoundError } from '../../engine/base/errors.ts'
import { shippedScriptsFolder, type JobType, type JobTypeCatalog } from './catalog.ts'
import { jobTypeName } from './jobTypeInfo.ts'
import { ensureDir } from '../../system/ensureDir.ts'
import { readIfThere } from '../../system/wholeFiles.ts'

/** A name that is a file's name and nothing else, on every platform. */
const SCRIPT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/

export class JobTypeScripts {
  /** One save at a time: each looks at what the catalog makes of the folder. */
  private readonly changes = new Sequencer<'scripts'>()

  /** @param folder users' own scripts; absolute */
  constructor(
    private readonly folder: string,
    private readonly catalog: JobTypeCatalog,
    private readonly shipped: () => string = shippedScriptsFolder,
  ) {}

  /** @throws NotFoundError */
  async read(name: string): Promise<{ source: string; shipped: boolean }> {
    const file = this.fileOf(name)
    const own = await readIfThere(join(this.folder, file))
    if (own !== undefined) return { source: own, shipped: false }
    const source = await readIfThere(join(this.shipped(), file))
    if (source === undefined) throw new NotFoundError('script', name)
    return { source, shipped: true }
  }

  /**
   * Saves a script and loads it; reverts a script that cannot be loaded. @throws InvalidInputError with the script's
   * own message
   */
  save(name: string, source: string): Promise<JobType> {
    return this.changes.run('scripts', () => this.replace(name, source))
  }

  /** Previews a script and its tasks for the settings. @throws InvalidInputError with the script's own message */
  check(
    name: string,
    source: string,
    settings: Record<string, unknown> | undefined,
    createdAt: number,
  ): ReturnType<JobTypeCatalog['tryOut']> {
    const file = this.fileOf(name)
    const input = settings && {
      jobId: randomUUID(),
      name: 'check',
      priority: 50,
      workerTag: '',
      createdAt,
      settings,
      metadata: {},
      checkoutId: '',
    }
    return this.catalog.tryOut(file.replace(/\.js$/, ''), source, input)
  }

  /** @throws NotFoundError when there is no script of one's own with this name */
  remove(name: string): Promise<void> {
    return this.changes.run('scripts', async () => {
      const path = join(this.folder, this.fileOf(name))
      if ((await readIfThere(path)) === undefined) throw new NotFoundError('own script', name)
      await rm(path)
    })
  }

  private async replace(name: string, source: string): Promise<JobType> {
    const file = this.fileOf(name)
    const path = join(this.folder, file)
    const before = await readIfThere(path)
    await write(path, source)
    const type = (await this.catalog.list()).find((each) => each.name === jobTypeName(file))
    const broken = (await this.catalog.broken()).find((script) => script.file === file)
    // A text without JOB_TYPE is no job type, and a shipped one of its name would still be there.
    if (type !== undefined && broken === undefined && source.includes('JOB_TYPE')) return type
    if (before === undefined) await rm(path, { force: true })
    else await write(path, before)
    throw new InvalidInputError('/source', broken?.message ?? 'the script defines no object JOB_TYPE')
  }

  private fileOf(name: string): string {
    if (!SCRIPT_NAME.test(name))
      throw new InvalidInputError('name', `"${name}" is not a valid job type name: use letters, digits, "-" and "_" only`)
    return `${name}.js`
  }
}

/** Concurrent readers see the old text or the new one, never half of it. */
async function write(path: string, text: string): Promise<void> {
  // A name that no job type can have, so that the catalog never loads the half-written file.
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  await ensureDir(join(path, '..'))
  await writeFile(temporary, text)
  await rename(temporary, path)
}
