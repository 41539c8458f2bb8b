import { effectScope, ref } from 'vue'
import { describe, expect, it, vi } from 'vitest'
import { commands, commandsOfMenu, runKeys, useCommands, type Command } from '../../../src/renderer/composables/commands.ts'

const command = (id: string, more: Partial<Command> = {}): Command => ({
  id,
  label: id,
  icon: 'plus',
  group: 'here',
  run: () => {},
  ...more,
})
const ids = () => commands.value.map(({ id }) => id)

describe('commands', () => {
  it('are there while what contributes them is there', () => {
    const page = effectScope()
    page.run(() => useCommands([command('limits.create')]))
    expect(ids()).toContain('limits.create')
    page.stop()
    expect(ids()).not.toContain('limits.create')
  })

  it('follow what they are made of', () => {
    const chosen = ref('')
    const page = effectScope()
    page.run(() => useCommands(() => (chosen.value ? [command(`open.${chosen.value}`)] : [])))
    expect(ids()).toEqual([])
    chosen.value = 'shot'
    expect(ids()).toEqual(['open.shot'])
    page.stop()
  })

  it('of what is on the screen come before the pages, the innermost panel first', () => {
    const scope = effectScope()
    scope.run(() => {
      useCommands([command('go.jobs', { group: 'go' }), command('theme', { group: 'app' })])
      useCommands([command('page')])
      useCommands([command('panel')])
    })
    expect(ids()).toEqual(['panel', 'page', 'go.jobs', 'theme'])
    scope.stop()
  })

  it('run by their keys', () => {
    const run = vi.fn()
    const scope = effectScope()
    scope.run(() => useCommands([command('go.jobs', { keys: 'g j', run })]))
    expect(runKeys('g j')).toBe(true)
    expect(run).toHaveBeenCalledOnce()
    expect(runKeys('g x')).toBe(false)
    scope.stop()
  })

  it('of a menu leave out what cannot be chosen, and open what has entries of its own', () => {
    const run = () => {}
    const found = commandsOfMenu('job', 'shot', [
      { key: 'pause', label: 'Pause', icon: 'pause', keys: 'P', run },
      'line',
      { key: 'cancel', label: 'Cancel', disabled: true, run },
      { key: 'priority', label: 'Priority', icon: 'up', children: [{ key: '100', label: '100', run }] },
    ])
    expect(found).toEqual([
      { id: 'job.pause', label: 'Pause: shot', icon: 'pause', keys: 'P', group: 'here', run },
      { id: 'job.priority.100', label: 'Priority, 100: shot', icon: 'up', group: 'here', run },
    ])
  })
})
