import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../../src/shared/operations/index.ts'
import { LiveManager } from '../../support/liveManager.ts'

let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start()
})
afterAll(() => farm.stop())

/** What is no operation: the description of all others, and the stream of events (a WebSocket). */
const APART = ['GET /api/v1/openapi.json', 'GET /api/v1/events']

describe('the table of operations', () => {
  it('holds every route of the native API with its access, and nothing else', () => {
    const routes = farm.manager.routes
      .filter(({ method, url }) => url.startsWith('/api/v1/') && method !== 'HEAD' && method !== 'OPTIONS')
      .filter(({ method, url }) => !APART.includes(`${method} ${url}`))
      .map(({ method, url, access }) => `${method} ${url} ${access}`)
    expect(OPERATIONS.map(({ method, url, config }) => `${method} /api/v1${url} ${config.access}`).sort()).toEqual(routes.sort())
  })

  it('gives every operation an id of its own', () => {
    const ids = OPERATIONS.map(({ schema }) => schema.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })
})
