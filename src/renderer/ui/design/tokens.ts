/**
 * The design tokens: one place for every colour, step and font. They become CSS custom properties on the root element
 * and the overrides of naive-ui (theme.ts), so both always agree.
 *
 * Greys carry the layout; the one accent marks what is selected or pressed; hues mean states and nothing else.
 * Every ink/background pair used for text has a contrast of at least 4.5 : 1 (test/unit/renderer/tokens.test.ts).
 */

/** Colours of the states as text (`ink`) and as areas in bars and cells (`fill`). */
export interface StateColour {
  ink: string
  fill: string
}

export type StateKey = 'queued' | 'running' | 'done' | 'failed' | 'retrying' | 'waiting' | 'paused' | 'cancelled' | 'lost' | 'asleep'

export interface Palette {
  /** Behind the panels. */
  ground: string
  panel: string
  /** Inputs, headers of tables, menus. */
  raised: string
  hover: string
  line: string
  lineStrong: string
  ink: string
  inkSoft: string
  inkFaint: string
  accent: string
  accentInk: string
  accentWash: string
  /** Neutral surround of images: no hue may sit beside what an artist judges. */
  surround: string
  shadow: string
  states: Record<StateKey, StateColour>
}

export const dark: Palette = {
  ground: '#0e1012',
  panel: '#15181b',
  raised: '#1d2125',
  hover: '#262b30',
  line: '#282e33',
  lineStrong: '#434b53',
  ink: '#e9ecee',
  inkSoft: '#b1b9c0',
  inkFaint: '#97a0a8',
  accent: '#4cc9d4',
  accentInk: '#04282c',
  accentWash: 'rgba(76, 201, 212, 0.12)',
  surround: '#1a1a1a',
  shadow: '0 8px 28px rgba(0, 0, 0, 0.5)',
  states: {
    queued: { ink: '#8fa9c9', fill: '#2b3641' },
    running: { ink: '#f2b441', fill: '#f2b441' },
    done: { ink: '#63c17c', fill: '#3a8853' },
    failed: { ink: '#f77681', fill: '#e2485a' },
    retrying: { ink: '#f77681', fill: '#a83a4a' },
    waiting: { ink: '#b79bea', fill: '#7a5fb5' },
    paused: { ink: '#a4acb3', fill: '#5d666e' },
    cancelled: { ink: '#97a0a8', fill: '#3a4148' },
    lost: { ink: '#f77681', fill: '#7d3540' },
    asleep: { ink: '#8fa9c9', fill: '#46586f' },
  },
}

export const light: Palette = {
  ground: '#e6e8e9',
  panel: '#f7f8f8',
  raised: '#ffffff',
  hover: '#eaedee',
  line: '#d7dadc',
  lineStrong: '#a9b0b5',
  ink: '#15191c',
  inkSoft: '#434b52',
  inkFaint: '#565f66',
  accent: '#0b6f7a',
  accentInk: '#ffffff',
  accentWash: 'rgba(11, 111, 122, 0.11)',
  surround: '#cfcfcf',
  shadow: '0 8px 24px rgba(20, 28, 34, 0.18)',
  states: {
    queued: { ink: '#3a5a80', fill: '#ccd7e2' },
    running: { ink: '#7f5200', fill: '#e39a12' },
    done: { ink: '#1c6b37', fill: '#46a163' },
    failed: { ink: '#b4223a', fill: '#d53e52' },
    retrying: { ink: '#b4223a', fill: '#e58d98' },
    waiting: { ink: '#6440ad', fill: '#a68fd6' },
    paused: { ink: '#535c63', fill: '#a4acb2' },
    cancelled: { ink: '#565f66', fill: '#c6cbcf' },
    lost: { ink: '#b4223a', fill: '#eab6bd' },
    asleep: { ink: '#3a5a80', fill: '#a3b7cd' },
  },
}

export const FONT_TEXT = "-apple-system, 'Segoe UI', 'Inter', 'Cantarell', 'Ubuntu', 'Noto Sans', 'Liberation Sans', system-ui, sans-serif"
/** For facts: numbers, times, paths, logs. */
export const FONT_FACTS = "ui-monospace, 'SF Mono', 'Cascadia Mono', 'JetBrains Mono', 'DejaVu Sans Mono', 'Liberation Mono', monospace"

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The custom properties of a palette: `--ink-soft`, `--state-done-fill`, … */
export function cssVariables(palette: Palette): Record<string, string> {
  const { states, ...plain } = palette
  const variables: Record<string, string> = { '--font-text': FONT_TEXT, '--font-facts': FONT_FACTS }
  for (const [name, value] of Object.entries(plain)) variables[`--${kebab(name)}`] = value
  for (const [state, colour] of Object.entries(states)) {
    variables[`--state-${state}-ink`] = colour.ink
    variables[`--state-${state}-fill`] = colour.fill
  }
  return variables
}
