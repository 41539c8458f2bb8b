import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const renderer = join(import.meta.dirname, '../../../src/renderer')
/** Styles are in the kit and in utility classes (docs/internals/renderer.md); a page has few of its own. */
const MAX_LINES = 1300

it('has few lines of CSS in its components', () => {
  const components = readdirSync(renderer, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.vue'))
  const lines = components.map((file) => {
    const styles = [...readFileSync(join(renderer, file), 'utf8').matchAll(/<style[^>]*>\n(.*?)<\/style>/gs)]
    return styles.reduce((sum, [, css = '']) => sum + css.split('\n').length - 1, 0)
  })
  expect(components.length).toBeGreaterThan(50)
  expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(MAX_LINES)
})
