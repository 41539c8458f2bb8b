/** One cell of the frame grid that is large enough for a thumbnail, on a canvas. */
import type { Palette, StateKey } from '../../ui/design/tokens.ts'
import type { FrameMark, FrameModel } from './frames.ts'

export interface CellContent {
  state: StateKey
  label: string
  mark: ReturnType<FrameModel['markOf']>
  /** Its thumbnail, once it is there. */
  image: HTMLImageElement | undefined
  colors: Palette
}

export function drawCell(
  c: CanvasRenderingContext2D,
  { state, label, mark, image, colors }: CellContent,
  { x, y, w, h }: { x: number; y: number; w: number; h: number },
): void {
  const color = colors.states[state]
  if (image) {
    c.fillStyle = colors.surround
    c.fillRect(x, y, w, h)
    const scale = Math.min(w / image.naturalWidth, h / image.naturalHeight)
    const iw = image.naturalWidth * scale
    const ih = image.naturalHeight * scale
    c.drawImage(image, x + (w - iw) / 2, y + (h - ih) / 2, iw, ih)
  } else {
    const isPale = state === 'queued' || state === 'cancelled'
    c.fillStyle = isPale ? colors.hover : color.fill
    c.globalAlpha = isPale ? 0.7 : 0.28
    c.fillRect(x, y, w, h)
    c.globalAlpha = 1
  }
  const foot = w < 64 ? 2 : 3
  // A foot in the color of the state, also below a picture: a frame that renders again is seen as such.
  if (!(state === 'queued' && !image)) {
    c.fillStyle = color.fill
    c.fillRect(x, y + h - foot, w, foot)
  }
  glyph(c, state, x + w - 14, y + 4, image ? '#fff' : color.ink, !!image)
  if (mark && w >= 24) noteMark(c, mark, x + 3, y + h - foot - 13)
  if (w < 52) return
  if (image) {
    c.fillStyle = 'rgba(0, 0, 0, 0.55)'
    c.fillRect(x, y, c.measureText(label).width + 8, 14)
    c.fillStyle = '#fff'
  } else c.fillStyle = colors.inkSoft
  c.fillText(label, x + 4, y + 11, w - 20)
}

/** The state's icon in a corner, so that no state is shown by colour alone. */
function glyph(c: CanvasRenderingContext2D, state: string, x: number, y: number, ink: string, onImage: boolean): void {
  if (state === 'done' && onImage) return
  c.save()
  c.strokeStyle = ink
  c.fillStyle = ink
  c.lineWidth = 1.5
  c.beginPath()
  if (state === 'running') {
    c.moveTo(x + 2, y)
    c.lineTo(x + 9, y + 4.5)
    c.lineTo(x + 2, y + 9)
    c.fill()
  } else if (state === 'failed') {
    c.moveTo(x + 1, y + 1)
    c.lineTo(x + 8, y + 8)
    c.moveTo(x + 8, y + 1)
    c.lineTo(x + 1, y + 8)
  } else if (state === 'done') {
    c.moveTo(x, y + 5)
    c.lineTo(x + 3.5, y + 8)
    c.lineTo(x + 9, y + 1.5)
  } else if (state === 'retrying') c.arc(x + 4.5, y + 4.5, 3.5, 0.6, 5.6)
  else if (state === 'paused') c.rect(x + 2, y + 1, 5, 7)
  else if (state === 'cancelled') {
    c.moveTo(x + 1, y + 8)
    c.lineTo(x + 8, y + 1)
  }
  c.stroke()
  c.restore()
}

/** In the lower left corner: a bookmark on a frame that was kept, a question mark on one that could not be checked. */
function noteMark(c: CanvasRenderingContext2D, note: FrameMark, x: number, y: number): void {
  c.save()
  c.fillStyle = 'rgba(0, 0, 0, 0.6)'
  c.fillRect(x, y, 12, 12)
  c.strokeStyle = '#fff'
  c.fillStyle = '#fff'
  if (note === 'kept') {
    c.lineWidth = 1.2
    c.beginPath()
    c.moveTo(x + 3.5, y + 2)
    c.lineTo(x + 8.5, y + 2)
    c.lineTo(x + 8.5, y + 10)
    c.lineTo(x + 6, y + 7.5)
    c.lineTo(x + 3.5, y + 10)
    c.closePath()
    c.stroke()
  } else {
    c.textAlign = 'center'
    c.fillText('?', x + 6, y + 9.5)
  }
  c.restore()
}
