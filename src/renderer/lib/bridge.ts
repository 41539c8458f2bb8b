/** The desktop shell, when there is one. In a browser every function says so with `undefined` or does nothing. */
import type { ShellCall, ShellReply, ShellRequest } from '../../shared/ipc.ts'

export const inDesktop = typeof window !== 'undefined' && window.framehouse !== undefined

export async function shell<C extends ShellCall>(channel: C, request: ShellRequest<C>): Promise<ShellReply<C> | undefined> {
  return window.framehouse?.call(channel, request)
}
