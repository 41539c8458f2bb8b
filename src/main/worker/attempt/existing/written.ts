/**
 * Files that a third-party program has written, at their final names: checked, hashed and reported. A damaged one is set aside and
 * fails the command.
 */
import { pictureKind } from '../../../../shared/pictures/pictures.ts'
import { checkPicture, type PictureFacts } from '../../../pictures/checkPicture.ts'
import { expectedFormat } from '../../../pictures/sniff.ts'
import { setAside } from '../../../system/setAside.ts'
import { CommandFailedError, type CommandContext, type OutputFile } from '../../contract/commands.ts'
import { findProgram } from '../../tools/find.ts'
import { comparedWithBefore } from './compare.ts'
import type { Look } from './decide.ts'
import { fileFacts } from './fileFacts.ts'
import { hashFile } from '../../../system/hashFile.ts'

type JudgeContext = Pick<CommandContext, 'output' | 'signal' | 'tools' | 'alive' | 'log' | 'warn' | 'existing'>

/** Whether a file name is that of a picture or a movie. */
export function isJudged(path: string): boolean {
  return pictureKind(path) !== undefined || expectedFormat(path) !== undefined
}

/** Checks a picture or a movie by its content; other files are not checked. @throws NodeJS errors */
export async function lookAt(
  path: string,
  context: Pick<CommandContext, 'signal' | 'tools'>,
  size: { width?: number | undefined; height?: number | undefined } = {},
): Promise<(Look & { width?: number; height?: number; facts?: PictureFacts }) | undefined> {
  if (!isJudged(path)) return undefined
  return checkPicture(path, {
    signal: context.signal,
    ...(size.width !== undefined && { width: size.width }),
    ...(size.height !== undefined && { height: size.height }),
    ...withFfmpeg(context),
  })
}

function withFfmpeg({ tools }: Pick<CommandContext, 'tools'>): { ffmpeg?: string } {
  const ffmpeg = findProgram('ffmpeg', tools)
  return ffmpeg === undefined ? {} : { ffmpeg }
}

/** Collects a program's output files. `add` may be called while it still runs: files that look damaged are checked again at the end. */
export class WrittenFiles {
  private readonly looks: Promise<void>[] = []
  private readonly suspects: OutputFile[] = []
  private failure: unknown

  /** @param onWhole called for each reported file that is not damaged */
  constructor(
    private readonly context: JudgeContext,
    private readonly onWhole: () => void = () => undefined,
  ) {}

  add(file: OutputFile): void {
    this.looks.push(
      this.judge(file, false).then(
        () => undefined,
        (error: unknown) => {
          this.failure ??= error
        },
      ),
    )
  }

  /** Call after the program has ended. @throws CommandFailedError naming the first file that is damaged or unreadable */
  async finish(): Promise<void> {
    await Promise.all(this.looks)
    this.context.signal.throwIfAborted()
    if (this.failure !== undefined) throw this.failure
    const damaged: string[] = []
    for (const file of this.suspects) {
      const reason = await this.judge(file, true)
      if (reason !== undefined) damaged.push(`"${file.path}" is damaged: ${reason}`)
    }
    if (damaged.length === 0) return
    throw new CommandFailedError(
      `the program ended without an error, but ${damaged[0]}${damaged.length > 1 ? ` (and ${damaged.length - 1} more)` : ''}`,
    )
  }

  /** Why the file is damaged; undefined when it is not, or when that is decided at the end. */
  private async judge(file: OutputFile, atEnd: boolean): Promise<string | undefined> {
    const { context } = this
    const { path } = file
    context.alive()
    const look = await lookAt(path, context).catch((error: unknown) => {
      context.signal.throwIfAborted()
      throw new CommandFailedError(
        `cannot read "${path}", which the program wrote: ${error instanceof Error ? error.message : String(error)}`,
      )
    })
    if (look?.state === 'damaged') {
      if (!atEnd) {
        this.suspects.push(file)
        return undefined
      }
      const to = await setAside(path, { damaged: true })
      context.log('farm', `set aside "${path}" (damaged: ${look.reason}): now "${to}"\n`)
      context.output({ ...file, check: 'damaged', checkReason: look.reason })
      return look.reason
    }
    if (look?.state === 'unchecked') {
      const text = `Frames could not be checked: ${look.reason}`
      context.warn({ code: 'frames-unchecked', text, ...(file.frame !== undefined && { frames: [file.frame] }) })
    }
    const facts = await fileFacts(path)
    const sha256 = await hashFile(path, context.signal)
    context.output({
      ...file,
      ...facts,
      sha256,
      ...(look && { check: look.state }),
      ...(look?.state === 'unchecked' && { checkReason: look.reason }),
      ...(look?.facts && { facts: look.facts }),
      ...(look?.width !== undefined && { width: look.width }),
      ...(look?.height !== undefined && { height: look.height }),
      ...(await comparedWithBefore(path, context)),
    })
    this.onWhole()
    return undefined
  }
}
