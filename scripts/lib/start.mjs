// Which Framehouse `npm start` starts. Decisions only; scripts/start.mjs carries them out.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Electron's program below its package, by platform. */
const PROGRAMS = { win32: 'electron.exe', darwin: 'Electron.app/Contents/MacOS/Electron' }

const THEN = 'The farm runs without a window: open the address that follows in a browser.'

/**
 * The desktop program where its runtime is and there is a screen to show it on; else manager and worker without a window.
 * @param {{ root: string, platform: string, env: Record<string, string | undefined> }} machine
 * @returns {{ kind: 'desktop', electron: string } | { kind: 'headless', why: string }}
 */
export function chooseStart({ root, platform, env }) {
  const electron = join(root, 'node_modules', 'electron', 'dist', PROGRAMS[platform] ?? 'electron')
  if (!existsSync(electron)) {
    return { kind: 'headless', why: `The desktop program needs Electron; \`npx install-electron\` fetches it. ${THEN}` }
  }
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return { kind: 'headless', why: `There is no screen here. ${THEN}` }
  return { kind: 'desktop', electron }
}
