// Hooks of Node's module loader, registered by sources.mjs. They run in a thread of their own.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const GLOB = 'import.meta.glob('
const GLOB_MODULE = new URL('./rawGlob.mjs', import.meta.url).href

export async function load(url, context, nextLoad) {
  if (url.endsWith('?raw')) {
    const text = await readFile(fileURLToPath(url), 'utf8')
    return { format: 'module', source: `export default ${JSON.stringify(text)}`, shortCircuit: true }
  }
  const loaded = await nextLoad(url, context)
  if (loaded.format !== 'module' || loaded.source == null || url.includes('/node_modules/')) return loaded
  const source = String(loaded.source)
  if (!source.includes(GLOB)) return loaded
  // On the first line, so that the lines of the source map still fit.
  const name = '__rawGlob'
  const replaced = source.replaceAll(GLOB, `${name}(import.meta.url, `)
  return { ...loaded, source: `import { rawGlob as ${name} } from ${JSON.stringify(GLOB_MODULE)}; ${replaced}` }
}
