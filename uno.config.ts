/**
 * Utility classes of the page: a template names them, and the build writes the CSS of those that are named. Distances are steps of
 * 4 pixels (`gap-2` is 8). Colors are the tokens of src/renderer/ui/design/tokens.ts, so they follow the theme.
 */
import type { UserConfig } from '@unocss/core'
import { presetMini, type Theme } from '@unocss/preset-mini'

const STATES = ['queued', 'running', 'done', 'failed', 'retrying', 'waiting', 'paused', 'cancelled', 'lost', 'asleep'] as const
const stateColors = STATES.map((state) => [state, { DEFAULT: `var(--state-${state}-ink)`, fill: `var(--state-${state}-fill)` }])

export default {
  content: { pipeline: { include: [/src\/renderer\/.*\.vue($|\?)/] } },
  presets: [presetMini({ preflight: false })],
  theme: {
    colors: {
      ground: 'var(--ground)',
      panel: 'var(--panel)',
      raised: 'var(--raised)',
      hover: 'var(--hover)',
      line: 'var(--line)',
      strong: 'var(--line-strong)',
      ink: 'var(--ink)',
      soft: 'var(--ink-soft)',
      faint: 'var(--ink-faint)',
      accent: 'var(--accent)',
      'accent-ink': 'var(--accent-ink)',
      wash: 'var(--accent-wash)',
      surround: 'var(--surround)',
      ...Object.fromEntries(stateColors),
    },
    // Text is 13 pixels where nothing else is said.
    fontSize: { tiny: ['10px', {}], small: ['11px', {}], note: ['12px', {}], lead: ['15px', {}], title: ['18px', {}], big: ['20px', {}] },
    fontFamily: { facts: 'var(--font-facts)' },
    borderRadius: { DEFAULT: '3px', sheet: '4px' },
  },
  rules: [
    // Hairlines, all around or at one side.
    ['edge', { border: '1px solid var(--line)' }],
    ['edge-strong', { border: '1px solid var(--line-strong)' }],
    [/^edge-(top|right|bottom|left)$/, ([, side]) => ({ [`border-${side}`]: '1px solid var(--line)' })],
    ['wrap-anywhere', { 'overflow-wrap': 'anywhere' }],
    [/^object-(contain|cover)$/, ([, fit]) => ({ 'object-fit': fit })],
    ['floating', { 'box-shadow': 'var(--shadow)' }],
    // What is chosen in a list: a bar of the accent at its left.
    ['marked', { background: 'var(--accent-wash)', 'box-shadow': 'inset 2px 0 var(--accent)' }],
    [
      /^lines-(\d)$/,
      ([, n]) => ({ display: '-webkit-box', overflow: 'hidden', '-webkit-box-orient': 'vertical', '-webkit-line-clamp': n }),
    ],
  ],
  shortcuts: [
    // Beside each other, below each other, and at the end of a line.
    [/^hstack-(.+)$/, ([, gap]) => `flex items-center gap-${gap}`],
    [/^vstack-(.+)$/, ([, gap]) => `grid gap-${gap}`],
    {
      push: 'ml-auto',
      // What lies above the page.
      'float-sheet': 'edge-strong rounded-sheet bg-raised floating',
    },
  ],
} satisfies UserConfig<Theme>
