/**
 * Serves the GUI's files under /app/: any unknown path returns the single page. Without a build, a page explains how to
 * create one.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Inline styles are allowed because the component library writes them at run time; inline scripts never are. */
export const GUI_CSP = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Framehouse</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.5rem;color:#223;background:#fff}
code{background:#eef;padding:.1em .3em;border-radius:3px}
@media(prefers-color-scheme:dark){body{color:#dde;background:#181a20}code{background:#2a2d38}}</style>
</head><body><h1>Framehouse is running</h1>
<p>The manager works, but the web interface has not been built. Run <code>npm run build</code> in its folder and reload this page.</p>
<p>The REST API is there: <a href="/docs">its documentation</a>.</p></body></html>`

/**
 * @param folder out/renderer of the build
 * @param root answers `/` for clients that do not request a page (a dialect uses that address)
 */
export function registerGui(
  app: FastifyInstance,
  folder: string | undefined,
  root?: (request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
  })
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers({ 'content-security-policy': GUI_CSP, 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' })
    done()
  })
  app.get('/', (request, reply) => (root && !asksForPage(request) ? root(request, reply) : reply.redirect('/app/', 307)))
  app.get('/app', (_request, reply) => reply.redirect('/app/', 307))
  if (folder === undefined || !existsSync(join(folder, 'index.html'))) {
    for (const url of ['/app/', '/app/*']) app.get(url, (_request, reply) => reply.type('text/html; charset=utf-8').send(NOT_BUILT))
    return
  }
  app.register(fastifyStatic, {
    root: folder,
    prefix: '/app/',
    wildcard: false,
    index: ['index.html'],
    setHeaders: (response, path) => {
      // Built files carry a hash of their content in the name; the page that references them is revalidated each time.
      response.header('cache-control', path.includes('assets') ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  app.get('/app/*', (request, reply) => {
    const isFile = /\.[A-Za-z0-9]+$/.test(request.url.split('?', 1)[0] ?? '')
    return isFile ? reply.callNotFound() : reply.header('cache-control', 'no-cache').sendFile('index.html')
  })
}

/** Browsers send Accept with text/html; programs accept anything or send no Accept header. */
function asksForPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true
}
