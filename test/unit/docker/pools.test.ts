import { describe, expect, it } from 'vitest'
import { CLOSED, chooseEngine, circuitAfter, circuitState, type Circuit, type EngineFacts } from '../../../src/main/docker/engines/pools.ts'

const engine = (name: string, facts: Partial<EngineFacts> = {}): EngineFacts => ({
  name,
  up: true,
  running: 0,
  isBlacklisted: false,
  circuit: CLOSED,
  ...facts,
})
const open: Circuit = { failures: 5, openedAt: 900 }
const trial: Circuit = { failures: 5, openedAt: 0 }

describe('the engine for a task', () => {
  const pools = [
    { match: 'render-', engines: ['a', 'b'], maxRunning: 2 },
    { match: '^(sim|fluid)', engines: ['c'], maxRunning: 1 },
    { match: '', engines: ['d'], maxRunning: 10 },
  ]
  const all = [engine('a'), engine('b'), engine('c'), engine('d')]
  const changed = (name: string, facts: Partial<EngineFacts>) => all.map((each) => (each.name === name ? { ...each, ...facts } : each))
  const run = (name: string) => ({ decision: 'run', engine: name })
  const only = [{ match: '', engines: ['a'], maxRunning: 5 }]

  it.each([
    ['the first pool that fits', 'render-1', pools, all, 0, run('a')],
    ['by chance in it', 'render-1', pools, all, 0.99, run('b')],
    ['a pool is matched at the beginning', 'my-render-1', pools, all, 0, run('d')],
    ['an alternative of a group', 'fluid-7', pools, all, 0, run('c')],
    ['a pool that fits nothing is passed over', 'x', [{ match: '(', engines: ['a'], maxRunning: 1 }, ...pools], all, 0, run('d')],
    ['no pool fits', 'x', pools.slice(0, 2), all, 0, { decision: 'none' }],
    ['without engines down, the other one', 'render-1', pools, changed('a', { up: false }), 0, run('b')],
    ['a blacklisted one gets nothing', 'render-1', pools, changed('a', { isBlacklisted: true }), 0, run('b')],
    ['a pool of which none is usable gives way to the next', 'sim', pools, changed('c', { up: false }), 0, run('d')],
    ['a full pool is waited for', 'render-1', pools, changed('a', { running: 2 }), 0, { decision: 'wait' }],
    ['one less than full', 'render-1', pools, changed('a', { running: 1 }), 0, run('a')],
    ['down for now', 'x', only, [engine('a', { up: false })], 0, { decision: 'wait' }],
    ['all blacklisted', 'x', only, [engine('a', { isBlacklisted: true })], 0, { decision: 'none' }],
    ['an open circuit', 'x', only, [engine('a', { circuit: open })], 0, { decision: 'wait' }],
    ['a half-open one gets one trial', 'x', only, [engine('a', { circuit: trial })], 0, run('a')],
    ['and no second one', 'x', only, [engine('a', { circuit: trial, running: 1 })], 0, { decision: 'wait' }],
  ])('%s', (_what, routingName, given, engines, random, expected) => {
    expect(chooseEngine({ routingName, pools: given, engines, resetMs: 1000, now: 1000, random })).toEqual(expected)
  })
})

describe('a circuit breaker', () => {
  it('opens at the last failure in a row, lets a trial through later, and closes with a success', () => {
    let circuit = CLOSED
    for (const at of [1, 2]) circuit = circuitAfter(circuit, true, 3, at)
    expect(circuitState(circuit, 100, 2)).toBe('closed')
    circuit = circuitAfter(circuit, true, 3, 3)
    expect(circuitState(circuit, 100, 102)).toBe('open')
    expect(circuitState(circuit, 100, 103)).toBe('half-open')
    expect(circuitState(circuitAfter(circuit, true, 3, 103), 100, 202)).toBe('open')
    expect(circuitState(circuitAfter(circuit, false, 3, 103), 100, 104)).toBe('closed')
  })

  it('a success between failures counts anew', () => {
    const failed = circuitAfter(circuitAfter(CLOSED, true, 3, 1), true, 3, 2)
    expect(circuitAfter(circuitAfter(failed, false, 3, 3), true, 3, 4)).toEqual({ failures: 1, openedAt: null })
  })
})
