/** Types of what Vite and the preload script add to the page. */
/// <reference types="vite/client" />
import type { FramehouseBridge } from '../shared/ipc.ts'

declare global {
  interface Window {
    /** Only inside the desktop app; absent in a browser. */
    framehouse?: FramehouseBridge
  }
}
