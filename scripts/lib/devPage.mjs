// The page of `npm run dev`: Vite serves src/renderer under /app/ as it is, and passes everything else on to the manager.
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import utilities from '@unocss/vite'
import vue from '@vitejs/plugin-vue'
import { createLogger, createServer } from 'vite'

/** What the page asks for while the manager starts again waits for it at most this long. */
const WAIT_MS = 20_000

/**
 * @param {{ root: string, port: number, manager: string }} options `manager`: its address, which may not answer yet
 */
export async function startPage({ root, port, manager }) {
  let becomeReady = () => {}
  let busy = new Promise((resolve) => (becomeReady = resolve))
  const server = await createServer({
    configFile: false,
    root: join(root, 'src', 'renderer'),
    base: '/app/',
    cacheDir: join(root, '.framehouse', 'vite'),
    appType: 'spa',
    customLogger: quietLogger(),
    clearScreen: false,
    plugins: [vue(), utilities({ configFile: join(root, 'uno.config.ts') }), { name: 'wait-for-the-manager', configureServer: waitFirst }],
    server: {
      port,
      host: '127.0.0.1',
      // The page imports src/shared, and node_modules may be a link.
      fs: { allow: [root, realpathSync(join(root, 'node_modules'))] },
      proxy: { '^/(?!app(/|$))': { target: manager, ws: true } },
    },
  })
  await server.listen()

  function waitFirst({ middlewares }) {
    middlewares.use((request, _response, next) => {
      if (/^\/app(\/|$)/.test(request.url ?? '')) return next()
      const patience = new Promise((resolve) => setTimeout(resolve, WAIT_MS).unref())
      void Promise.race([busy, patience]).then(() => next())
    })
  }

  return {
    url: server.resolvedUrls?.local[0] ?? '',
    watcher: server.watcher,
    /** The manager answers. */
    ready: () => becomeReady(),
    /** The manager answers when this is over. */
    during(work) {
      busy = Promise.resolve(work).catch(() => undefined)
      return busy
    },
    close: () => server.close(),
  }
}

/** A manager that starts again is not there for a moment: that is no news. */
function quietLogger() {
  const logger = createLogger('info')
  const { error } = logger
  logger.error = (message, options) => {
    if (/proxy (socket )?error/.test(message)) return
    error(message, options)
  }
  return logger
}
