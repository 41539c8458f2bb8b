/** The image of the viewer on its canvas: where it is, and how it is drawn beside another one. */
export interface Place {
  x: number
  y: number
  w: number
  h: number
}

/** @param zoom pixels of the screen for each of the image; 0 fits it into the surface */
export function placeImage(
  image: HTMLImageElement,
  surface: { width: number; height: number },
  zoom: number,
  pan: { x: number; y: number },
): Place {
  const { width, height } = surface
  const fit = Math.min(width / image.naturalWidth, height / image.naturalHeight)
  const scale = zoom === 0 ? fit : zoom / (window.devicePixelRatio || 1)
  const w = image.naturalWidth * scale
  const h = image.naturalHeight * scale
  return { x: (width - w) / 2 + pan.x, y: (height - h) / 2 + pan.y, w, h }
}

export interface Drawing {
  image: CanvasImageSource
  at: Place
  /** Whether pixels blend into each other when it is enlarged. */
  smooth: boolean
  /** Drawn over it, right of this share of its width. */
  second?: { image: CanvasImageSource; share: number }
}

export function drawImages(canvas: HTMLCanvasElement, surface: { width: number; height: number }, drawing: Drawing): void {
  const context = canvas.getContext('2d')
  if (!context) return
  const { image, at, smooth, second } = drawing
  const ratio = window.devicePixelRatio || 1
  canvas.width = Math.round(surface.width * ratio)
  canvas.height = Math.round(surface.height * ratio)
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.imageSmoothingEnabled = smooth
  context.drawImage(image, at.x, at.y, at.w, at.h)
  if (!second) return
  const edge = at.x + at.w * second.share
  context.save()
  context.beginPath()
  context.rect(edge, 0, surface.width - edge, surface.height)
  context.clip()
  context.drawImage(second.image, at.x, at.y, at.w, at.h)
  context.restore()
  context.fillStyle = '#fff'
  context.fillRect(edge - 0.5, at.y, 1, at.h)
}
