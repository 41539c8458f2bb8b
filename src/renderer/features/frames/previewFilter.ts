/** The look on a preview of eight bits, as CSS and SVG filters: it is made brighter and darker, and shows one channel. Pure. */
import { isPlain, type Look } from './toneMap.ts'

/** Of the SVG filters `#channel-<key>`. */
export const CHANNEL_MATRICES = {
  r: '1 0 0 0 0  1 0 0 0 0  1 0 0 0 0  0 0 0 1 0',
  g: '0 1 0 0 0  0 1 0 0 0  0 1 0 0 0  0 0 0 1 0',
  b: '0 0 1 0 0  0 0 1 0 0  0 0 1 0 0  0 0 0 1 0',
  luma: '0.2126 0.7152 0.0722 0 0  0.2126 0.7152 0.0722 0 0  0.2126 0.7152 0.0722 0 0  0 0 0 1 0',
} as const

export function previewFilter(look: Look): string {
  if (isPlain(look)) return 'none'
  const parts: string[] = []
  if (look.exposure !== 0) parts.push(`brightness(${2 ** look.exposure})`)
  if (look.channel !== 'rgb' && look.channel !== 'a') parts.push(`url(#channel-${look.channel})`)
  return parts.join(' ') || 'none'
}
