/**
 * The shell's build for the old runtime of the tests (Electron 9: Node 12, Chromium 83), from the product's own sources:
 * `electron-vite build --config` with this file writes `.framehouse/electron9/out/{main,preload,renderer}`. What that runtime
 * lacks is added by shim files of this folder; the manager, which no Node that old could run, becomes a process on the
 * system's Node (localFarm.ts). Nothing of this is part of the program that ships.
 */
import { join } from 'node:path'
import type { Plugin } from 'vite'
import utilities from '@unocss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'electron-vite'

const root = join(import.meta.dirname, '..', '..', '..')
const out = join(root, '.framehouse', 'electron9', 'out')
const source = (path: string): string => join(root, 'src', path)
const here = (file: string): string => join(import.meta.dirname, file)

/** Modules that are replaced, by the end of their path or by their name. */
const REPLACED: Record<string, string> = {
  './localFarm.ts': here('localFarm.ts'),
  './workerProcess.ts': here('workerProcess.ts'),
  'node:timers/promises': here('timersPromises.ts'),
}

/** Node 12 knows no `node:` names, and lacks whole modules. */
const node12: Plugin = {
  name: 'node12',
  enforce: 'pre',
  resolveId: (name) => REPLACED[name] ?? null,
  renderChunk: (code) => code.replaceAll('require("node:', 'require("').replaceAll('require("fs/promises")', 'require("fs").promises'),
}

/** Puts a shim before everything else of an entry. */
const startsWith = (entry: string, shim: string): Plugin => ({
  name: 'shim',
  enforce: 'pre',
  transform: (code, id) => (id === entry ? `import ${JSON.stringify(shim)}\n${code}` : null),
})

/** Widths of containers (`cqw`) do not exist there; the columns that use them are about two fifths of the window. */
const noContainers: Plugin = {
  name: 'no-containers',
  enforce: 'pre',
  transform: (code) => (code.includes('cqw') ? code.replace(/([\d.]+)cqw/g, (_all, width: string) => `${Number(width) * 0.4}vw`) : null),
}

export default defineConfig({
  main: {
    plugins: [node12, startsWith(source('main/index.ts'), here('mainShim.ts'))],
    build: {
      externalizeDeps: false,
      outDir: join(out, 'main'),
      emptyOutDir: false,
      target: 'node12',
      minify: false,
      rolldownOptions: {
        input: { index: source('main/index.ts') },
        checks: { pluginTimings: false },
        output: { format: 'cjs', entryFileNames: 'shell.cjs', codeSplitting: false },
      },
    },
  },
  preload: {
    build: {
      externalizeDeps: false,
      outDir: join(out, 'preload'),
      target: 'node12',
      rolldownOptions: { input: source('preload/index.ts'), output: { format: 'cjs', entryFileNames: 'index.cjs' } },
    },
  },
  renderer: {
    root: source('renderer'),
    experimental: { renderBuiltUrl: (file: string) => `/app/${file}` },
    plugins: [
      noContainers,
      vue(),
      utilities({ configFile: join(root, 'uno.config.ts') }),
      startsWith(source('renderer/main.ts'), here('pageShim.ts')),
    ],
    build: {
      outDir: join(out, 'renderer'),
      emptyOutDir: true,
      target: 'chrome83',
      minify: false,
      // Also writes newer CSS in older words (`inset`), where that can be done.
      cssMinify: 'lightningcss',
      chunkSizeWarningLimit: 4_000,
      rolldownOptions: {
        input: source('renderer/index.html'),
        checks: { pluginTimings: false },
        // In one file: a chunk would be evaluated before the shim of the entry.
        output: { codeSplitting: false },
      },
    },
  },
})
