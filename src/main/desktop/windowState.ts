/** The window's remembered place. Pure: a window never opens where no screen is. */
import { Type, type Static } from 'typebox'

export const WindowState = Type.Object({
  x: Type.Optional(Type.Integer()),
  y: Type.Optional(Type.Integer()),
  width: Type.Integer({ minimum: 1 }),
  height: Type.Integer({ minimum: 1 }),
  maximized: Type.Boolean(),
})
export type WindowState = Static<typeof WindowState>

export interface Area {
  x: number
  y: number
  width: number
  height: number
}

export const DEFAULT_STATE: WindowState = { width: 1440, height: 900, maximized: false }
const MIN_WIDTH = 960
const MIN_HEIGHT = 600
/** Minimum part of the title bar that must be reachable. */
const REACHABLE = 80

/** The remembered state where a screen still shows it; else its size on the main screen. `areas`: work areas, the main one first. */
export function placeWindow(state: WindowState, areas: readonly Area[]): WindowState {
  const main = areas[0]
  const largest = areas.reduce((best, area) => ({ w: Math.max(best.w, area.width), h: Math.max(best.h, area.height) }), { w: 0, h: 0 })
  const width = Math.max(Math.min(MIN_WIDTH, largest.w || MIN_WIDTH), Math.min(state.width, largest.w || state.width))
  const height = Math.max(Math.min(MIN_HEIGHT, largest.h || MIN_HEIGHT), Math.min(state.height, largest.h || state.height))
  const { x, y } = state
  const seen =
    x !== undefined &&
    y !== undefined &&
    areas.some((area) => {
      const across = x + width > area.x + REACHABLE && x < area.x + area.width - REACHABLE
      return across && y >= area.y && y < area.y + area.height - REACHABLE
    })
  if (seen) return { x, y, width, height, maximized: state.maximized }
  if (!main) return { width, height, maximized: state.maximized }
  return {
    x: Math.round(main.x + Math.max(0, main.width - width) / 2),
    y: Math.round(main.y + Math.max(0, main.height - height) / 2),
    width,
    height,
    maximized: state.maximized,
  }
}
