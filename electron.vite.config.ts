/**
 * One build for all roles: `npm run build` writes out/main (Node and Electron main), out/preload and out/renderer.
 *
 * Entries of the main process are found by name, so that a new one needs no change here:
 *   src/main/headless.ts     the Node program and CLI      → out/main/headless.js
 *   src/main/index.ts        the Electron shell            → out/main/index.js
 *   src/main/…/*Thread.ts    code of worker threads        → out/main/<name>.js
 *   src/main/jobtypes/sandbox/thread.ts   the one of the job types → out/main/jobtypeThread.js
 * All of out/main is one flat folder (chunks too), so `new URL('./<name>.js', import.meta.url)` finds a thread from anywhere.
 * Preload and renderer are built when their sources are there. Packages of the server stay outside the bundle.
 * FRAMEHOUSE_BUILD=main (or preload, renderer; comma-separated) builds that part alone.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import utilities from '@unocss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'electron-vite'

const root = import.meta.dirname
const inSource = (path: string): string => join(root, 'src', path)

/** The oldest Node that runs the program (package.json "engines"); Electron's own is newer. */
const NODE_TARGET = 'node20.19'

/** Name → file of every entry of the main process. @throws Error when two would be written to the same file */
function mainEntries(): Record<string, string> {
  const threads = readdirSync(inSource('main'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('Thread.ts'))
    .map((file) => inSource(join('main', file)))
  const entries: Record<string, string> = {}
  const jobtypeThread = inSource('main/jobtypes/sandbox/thread.ts')
  // Without it no job can be submitted: a move that forgets it must not build.
  if (!existsSync(jobtypeThread)) throw new Error(`There is no ${jobtypeThread}`)
  entries['jobtypeThread'] = jobtypeThread
  for (const file of [inSource('main/headless.ts'), inSource('main/index.ts'), ...threads]) {
    if (!existsSync(file)) continue
    const name = basename(file, '.ts')
    if (entries[name]) throw new Error(`Two entries of the main process are called "${name}": ${entries[name]} and ${file}`)
    entries[name] = file
  }
  return entries
}

const main = {
  build: {
    // Bundled: as hundreds of small files it alone would take every command a quarter of a second to load.
    externalizeDeps: { exclude: ['typebox'] },
    outDir: 'out/main',
    target: NODE_TARGET,
    sourcemap: true,
    rolldownOptions: {
      input: mainEntries(),
      checks: { pluginTimings: false },
      output: { format: 'es' as const, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
}

/** A sandboxed preload must be CommonJS and one file. */
const preload = {
  build: {
    outDir: 'out/preload',
    externalizeDeps: false,
    rolldownOptions: { input: inSource('preload/index.ts'), output: { format: 'cjs' as const, entryFileNames: 'index.cjs' } },
  },
}

/**
 * Served under /app/ by the manager and by the desktop shell's gateway. Pages have deep addresses, so assets need
 * absolute ones; electron-vite fixes `base` to a relative one, hence the hook. Browsers older than two years are not aimed at.
 */
const renderer = {
  root: inSource('renderer'),
  experimental: { renderBuiltUrl: (file: string) => `/app/${file}` },
  build: {
    outDir: join(root, 'out/renderer'),
    emptyOutDir: true,
    target: 'es2022',
    minify: true,
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: { input: inSource('renderer/index.html'), checks: { pluginTimings: false } },
  },
  plugins: [vue(), utilities({ configFile: join(root, 'uno.config.ts') })],
}

const wanted = process.env['FRAMEHOUSE_BUILD']?.split(',') ?? ['main', 'preload', 'renderer']

export default defineConfig({
  ...(wanted.includes('main') && { main }),
  ...(wanted.includes('preload') && existsSync(preload.build.rolldownOptions.input) && { preload }),
  ...(wanted.includes('renderer') && existsSync(renderer.build.rolldownOptions.input) && { renderer }),
})
