/** The shell's confirmation before it stops work. */
import { dialog } from 'electron'

const STAY = 0

/** True: stop. @param running tasks that run now */
export async function askToStop(why: 'quit' | 'switch', running: number): Promise<boolean> {
  const { response } = await dialog.showMessageBox({
    type: 'question',
    message: running === 1 ? 'A task is rendering.' : `${running} tasks are rendering.`,
    detail: `If you ${why === 'quit' ? 'quit' : 'leave this farm'}, they stop and start again next time.`,
    buttons: ['Keep rendering', why === 'quit' ? 'Quit' : 'Leave'],
    defaultId: STAY,
    cancelId: STAY,
  })
  return response !== STAY
}
