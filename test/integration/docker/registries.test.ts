/** Credentials of registries: in by the API, sealed on disk, out only with a task that pulls from there. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { containerGrant } from '../../../src/main/security/containerGrants.ts'
import { ContainerFarm } from '../../support/containerFarm.ts'

describe('credentials of registries', () => {
  let farm: ContainerFarm
  beforeEach(async () => {
    farm = await ContainerFarm.start()
  })
  afterEach(() => farm.stop())

  it('are kept sealed, and never shown again', async () => {
    await farm.call('PUT', 'registries', { registry: 'REG:5000', username: 'ci', password: 'hunter-two-secret' })
    const { items } = await farm.call('GET', 'registries')
    expect(items).toEqual([{ registry: 'reg:5000', username: 'ci', updatedAt: expect.any(String) }])
    const data = join(farm.folder, 'manager')
    for (const name of (await readdir(data)).filter((file) => file.includes('sqlite') || file.includes('db'))) {
      expect((await readFile(join(data, name))).includes('hunter-two-secret')).toBe(false)
    }
    await farm.call('DELETE', `registries/${encodeURIComponent('reg:5000')}`)
    expect((await farm.call('GET', 'registries')).items).toEqual([])
    await expect(farm.call('DELETE', 'registries/nothing')).rejects.toThrow(/404/)
  })

  it.each([
    ['registry', { registry: 'a b', username: 'x', password: 'y' }],
    ['password', { registry: 'reg', username: 'x', password: '' }],
    ['username', { registry: 'reg', password: 'y' }],
  ])('are refused by field: %s', async (field, body) => {
    await expect(farm.call('PUT', 'registries', body)).rejects.toThrow(new RegExp(`400 .*${field}`))
  })

  it('go with images of their registry only, by the job of anyone; permissions only by an administrator', () => {
    const known = { registry: 'reg:5000', username: 'ci', password: 'p' }
    const sources = {
      registries: { find: (registry: string) => (registry === 'reg:5000' ? known : undefined) },
      blacklist: () => ['10.0.0.1:2375'],
    }
    const run = (image: string) => [{ name: 'docker-run', parameters: { image }, totalStepCount: 0 }]
    expect(containerGrant(sources, true, run('reg:5000/x:1'))).toEqual({
      isAdminJob: true,
      registries: [known],
      blacklist: ['10.0.0.1:2375'],
    })
    expect(containerGrant(sources, false, run('reg:5001/x:1'))).toMatchObject({ isAdminJob: false, registries: [] })
    expect(containerGrant(sources, false, [{ name: 'echo', parameters: { image: 'reg:5000/x' }, totalStepCount: 0 }]).registries).toEqual(
      [],
    )
  })
})
