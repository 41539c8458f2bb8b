// What Vite's import.meta.glob(pattern, { query: '?raw', import: 'default', eager: true }) does, for programs that run from source.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * @param {string} from address of the file that asks
 * @param {string} pattern beginning with `./` or `../`; `*` stands for any part of one name
 * @returns {Record<string, string>} text by path, as the pattern names it
 */
export function rawGlob(from, pattern, { query, import: name, eager } = {}) {
  if (query !== '?raw' || name !== 'default' || !eager) throw new Error(`from source, import.meta.glob only reads texts: ${pattern}`)
  const paths = pattern
    .split('/')
    .reduce(
      (found, part) =>
        found.flatMap((folder) => (part.includes('*') ? matching(from, folder, part) : [folder + part])).map((path) => `${path}/`),
      [''],
    )
  return Object.fromEntries(paths.map((path) => path.slice(0, -1)).map((path) => [path, readFileSync(new URL(path, from), 'utf8')]))
}

function matching(from, folder, part) {
  const expression = new RegExp(`^${part.split('*').map(escape).join('[^/]*')}$`)
  const path = fileURLToPath(new URL(folder || './', from))
  // A name that another `*` stands for may be a file, or a folder without the next one.
  if (!isFolder(path)) return []
  return readdirSync(path)
    .filter((name) => expression.test(name))
    .sort()
    .map((name) => folder + name)
}

function isFolder(path) {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Its characters, and nothing of their meaning in an expression. */
function escape(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
