/**
 * The bridge between the window and the shell: sandboxed, isolated, and nothing but the typed channels of shared/ipc.ts.
 * Unknown channels do not get through, whatever the page asks. Bundled to one CommonJS file.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { CALL_CHANNELS, PUSH_CHANNELS } from '../shared/ipcChannels.ts'
import type { FramehouseBridge, ShellEnvelope } from '../shared/ipc.ts'

const calls: ReadonlySet<string> = new Set(CALL_CHANNELS)
const pushes: ReadonlySet<string> = new Set(PUSH_CHANNELS)

const bridge: FramehouseBridge = {
  async call(channel, request) {
    if (!calls.has(channel)) throw new Error(`no channel ${channel}`)
    // The shell answers every call with an envelope; its payload is typed by the channel map that both sides share.
    const reply = (await ipcRenderer.invoke(channel, request)) as ShellEnvelope<never>
    if (!reply.ok) throw new Error(reply.message)
    return reply.value
  },
  on(channel, listener) {
    if (!pushes.has(channel)) throw new Error(`no channel ${channel}`)
    const forward = (_event: unknown, payload: Parameters<typeof listener>[0]) => listener(payload)
    ipcRenderer.on(channel, forward)
    return () => ipcRenderer.removeListener(channel, forward)
  },
  // Missing in Electron before 29; there a dropped file has only its name.
  pathOf: (file) => (webUtils ? webUtils.getPathForFile(file) : ''),
}

contextBridge.exposeInMainWorld('framehouse', bridge)
