import { expect, it } from 'vitest'
import { outputFolder } from '../../../src/main/jobtypes/submission/outputFolder.ts'

it.each<[Record<string, unknown>, string | null]>([
  [{ render_output_path: '/render/shot/2026-01-01/######' }, '/render/shot/2026-01-01'],
  [{ render_output_path: '{shared}/shot/a-####.png' }, '{shared}/shot'],
  [{ render_output_path: 'C:\\render\\####' }, 'C:\\render'],
  [{ output_pattern: '/r/{frame:04}/beauty.exr' }, '/r'],
  [{ output_file: '/videos/a.mp4' }, '/videos'],
  [{ output_dir: '{jobs}/demo' }, '{jobs}/demo'],
  [{ output_path: '/a' }, '/'],
  [{ output_path: 'a.png' }, null],
  [{ render_output_path: '', output_dir: '/x' }, '/x'],
  [{ render_output_path: 7 }, null],
  [{}, null],
])('%j → %j', (settings, folder) => {
  expect(outputFolder(settings)).toBe(folder)
})
