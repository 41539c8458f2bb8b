/**
 * `npm run screenshots [-- NAME …]`: pictures of the GUI's pages in both themes, 1440 × 900, into docs/screenshots, from a
 * farm that really renders. FRAMEHOUSE_SHOTS names another folder.
 */
import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { launchChromium, openPage, startGuiFarm } from '../support/guiFarm.ts'
import { PAGES } from './pages.ts'
import { fillShowFarm } from '../support/showFarm.ts'

const folder = resolve(process.env['FRAMEHOUSE_SHOTS'] ?? join(import.meta.dirname, '../../docs/screenshots'))
const names = process.argv.slice(2)
const pages = PAGES.filter((page) => names.length === 0 || names.includes(page.name))

/** Where the first of these programs is; '' when none is. */
function pathOf(...names: string[]): string {
  return execFileSync('sh', ['-c', `command -v ${names.join(' ')} | head -n 1`], { encoding: 'utf8' }).trim()
}

await mkdir(folder, { recursive: true })
const farm = await startGuiFarm(true)
const browser = await launchChromium(pathOf('chromium', 'google-chrome'))
try {
  const jobs = await fillShowFarm(farm, pathOf('blender'))
  for (const theme of ['dark', 'light'] as const) {
    const { page } = await openPage(browser, { colorScheme: theme })
    for (const { name, path, prepare } of pages) {
      await page.goto(`${farm.url}/app${path(jobs)}`)
      // What was pointed at on the page before is pointed at no more.
      await page.mouse.move(0, 0)
      await page.getByRole('main').waitFor()
      await prepare?.(page)
      // Images and numbers that were asked for are there, and nothing moves any more.
      await page.waitForLoadState('networkidle').catch(() => {})
      await page.waitForTimeout(600)
      await page.screenshot({ path: join(folder, `${name}-${theme}.jpg`), type: 'jpeg', quality: 76 })
      process.stdout.write(`${name}-${theme}\n`)
    }
    await page.context().close()
  }
} finally {
  await browser.close()
  await farm.stop()
}
