/** Clients that vanish in the middle of a log socket leave everyone else, and the execution, alone. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { FastlaneFarm } from '../../support/fastlaneFarm.ts'
import { until } from '../../support/liveManager.ts'
import { requirePart } from '../../support/parts.ts'

requirePart('docker').describe('a log socket whose client vanishes', () => {
  let lane: FastlaneFarm
  beforeAll(async () => {
    lane = await FastlaneFarm.start()
  })
  afterAll(() => lane.stop())

  it('is forgotten; those who stay hear everything', { timeout: 120_000 }, async () => {
    const { path } = await lane.enqueue('vanish', `sh -c 'i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; sleep 0.05; done'`)
    await lane.containerRuns(path)
    const stays = lane.listen(`${path}ws/`)
    const vanish = Array.from({ length: 5 }, () => new WebSocket(`${lane.url.replace('http', 'ws')}${path}ws/`))
    await until(() => stays.frames.join('').includes('line 5\n'), 'the first lines')
    for (const socket of vanish) {
      socket.on('error', () => undefined)
      socket.terminate()
    }
    expect(await stays.closed).toEqual({ code: 1000, reason: 'wsdone' })
    const whole = Array.from({ length: 60 }, (_, at) => `line ${at + 1}\n`).join('')
    expect(stays.frames.join('')).toBe(whole)
    expect(await lane.ended(path)).toMatchObject({ status: 'done', exitCode: 0, log: whole })
    expect((await lane.get('/healthcheck')).status).toBe(200)
  })
})
