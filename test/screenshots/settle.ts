/** Waits until a page shows what it is for and stands still. */
import type { Page, Request } from 'playwright'

/** Counts a page's open requests; made before it goes anywhere. Its WebSocket is none of them. */
export function watchRequests(page: Page): () => number {
  const open = new Set<Request>()
  page.on('request', (request) => void open.add(request))
  page.on('requestfinished', (request) => void open.delete(request))
  page.on('requestfailed', (request) => void open.delete(request))
  page.on('framenavigated', () => open.clear())
  return () => open.size
}

/**
 * Runs in the page: whether fonts, rows and the images in sight are there, and what moves once has come to its end. A text, as
 * the types of a page are none of this program's.
 */
const IS_STILL = `
  // A list that was scrolled far shows names first, and whole rows a few at a time.
  !document.querySelector('.flying, .ghost') &&
  [...document.images].every((image) => {
    const { width, top, bottom } = image.getBoundingClientRect()
    const inSight = width > 0 && bottom > 0 && top < innerHeight
    return !inSight || (image.complete && image.naturalWidth > 0)
  }) &&
  document.fonts.status === 'loaded' &&
  document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getComputedTiming().endTime === Infinity)`
const TWO_FRAMES = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'

/** @param shows selectors of what must be seen, in this order; throws with the selector that never came */
export async function settle(page: Page, shows: readonly string[], openRequests: () => number): Promise<void> {
  for (const selector of shows) await page.locator(selector).first().waitFor()
  // A farm at work is never silent for long: one moment at which nothing is missing is enough.
  const end = Date.now() + 30_000
  for (;;) {
    if (openRequests() === 0 && (await page.evaluate<boolean>(IS_STILL))) break
    if (Date.now() > end) throw new Error(`${page.url()} does not come to rest: ${openRequests()} requests are open`)
    await page.waitForTimeout(50)
  }
  // Two frames: what was decided in this one is painted in the next.
  await page.evaluate(TWO_FRAMES)
}
