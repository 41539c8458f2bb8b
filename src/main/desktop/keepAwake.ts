/** Keeps the machine awake while its worker runs tasks: one that falls asleep loses its frames. The screen may go dark. */
import { powerSaveBlocker } from 'electron'

export class KeepAwake {
  private blocker: number | undefined

  /** @param isBusy whether the worker of this machine runs a task now */
  update(isBusy: boolean): void {
    if (isBusy && this.blocker === undefined) this.blocker = powerSaveBlocker.start('prevent-app-suspension')
    if (isBusy || this.blocker === undefined) return
    powerSaveBlocker.stop(this.blocker)
    this.blocker = undefined
  }
}
