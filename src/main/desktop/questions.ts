/** The shell's confirmation before it stops work. */
import { dialog } from 'electron'
import type { ShellTexts } from './texts/index.ts'

const STAY = 0

/** True: stop. @param running tasks that run now @param isElsewhere whether other machines go on with them */
export async function askToStop(why: 'quit' | 'switch', running: number, isElsewhere: boolean, { ask }: ShellTexts): Promise<boolean> {
  const detail = why === 'quit' ? (isElsewhere ? ask.quitElsewhere : ask.quit) : isElsewhere ? ask.switchElsewhere : ask.switch
  const { response } = await dialog.showMessageBox({
    type: 'question',
    message: ask.running(running),
    detail,
    buttons: [ask.stay, why === 'quit' ? ask.doQuit : ask.doLeave],
    defaultId: STAY,
    cancelId: STAY,
  })
  return response !== STAY
}
