/** What axe finds on a page. */
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright'

/** Runs in the page. Animations without an end (a spinner) are no reason to wait. */
const MOVES = `document.getAnimations().some((one) => one.playState === 'running' && one.effect.getComputedTiming().endTime !== Infinity)`

/** Defects by WCAG 2.1 A and AA, a line each: the rule and the first elements that break it. */
export async function axeDefects(page: Page): Promise<string[]> {
  // What is half faded in has too little contrast for a moment.
  while (await page.evaluate<boolean>(MOVES)) await page.waitForTimeout(20)
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze()
  return violations.map(({ id, nodes }) => {
    const targets = nodes.slice(0, 3).map((node) => node.target.join(' '))
    return `${id}: ${targets.join(' | ')}`
  })
}
