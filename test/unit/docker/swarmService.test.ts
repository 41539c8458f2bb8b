import { describe, expect, it } from 'vitest'
import type { RunSpec } from '../../../src/main/docker/executor.ts'
import { swarmProblem, swarmService, swarmVerdict } from '../../../src/main/docker/swarm/swarmService.ts'

const spec = (changes: Partial<RunSpec> = {}): RunSpec => ({
  name: 'framehouse-1',
  image: 'renderer:4',
  args: ['render', '-f', '7'],
  env: ['A=1'],
  mounts: [{ source: '/shots', target: '/shots', readOnly: true }],
  labels: { 'framehouse.task': 't' },
  pull: 'missing',
  localFallback: true,
  stopGraceMs: 1500,
  ...changes,
})

describe('a service of a run', () => {
  it('is one task that the cluster runs once', () => {
    expect(swarmService(spec())).toMatchObject({
      Name: 'framehouse-1',
      Labels: { 'framehouse.task': 't' },
      Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
      TaskTemplate: {
        RestartPolicy: { Condition: 'none' },
        ContainerSpec: {
          Image: 'renderer:4',
          Args: ['render', '-f', '7'],
          Env: ['A=1'],
          Mounts: [{ Type: 'bind', Source: '/shots', Target: '/shots', ReadOnly: true }],
          StopGracePeriod: 1_500_000_000,
        },
      },
    })
  })

  it('reserves what it is limited to', () => {
    expect(swarmService(spec({ cpus: 1.5, memoryBytes: 64_000_000, pids: 10, gpus: 2 }))).toMatchObject({
      TaskTemplate: {
        Resources: {
          Limits: { NanoCPUs: 1_500_000_000, MemoryBytes: 64_000_000, Pids: 10 },
          Reservations: {
            NanoCPUs: 1_500_000_000,
            MemoryBytes: 64_000_000,
            GenericResources: [{ DiscreteResourceSpec: { Kind: 'gpu', Value: 2 } }],
          },
        },
      },
    })
  })

  it('gives memory for /dev/shm, hosts, and networks by name', () => {
    const { TaskTemplate } = swarmService(spec({ shmBytes: 1024, extraHosts: { licences: '10.0.0.5' }, network: 'studio', mounts: [] }))
    expect(TaskTemplate).toMatchObject({
      ContainerSpec: {
        Mounts: [{ Type: 'tmpfs', Target: '/dev/shm', TmpfsOptions: { SizeBytes: 1024 } }],
        Hosts: ['10.0.0.5 licences'],
      },
      Networks: [{ Target: 'studio' }],
    })
  })
})

describe('what no service can have', () => {
  it.each([
    ['privileged', { privileged: true }],
    ['hostPid', { hostPid: true }],
    ['devices', { devices: ['/dev/dri'] }],
    ['network', { network: 'none' }],
    ['network', { network: 'container:other' }],
    ['gpus', { gpus: 'all' as const }],
    ['pull', { pull: 'never' as const }],
  ])('%s', (parameter, changes) => {
    expect(swarmProblem(spec(changes))?.parameter).toBe(parameter)
  })

  it('nothing in an ordinary run', () => {
    expect(swarmProblem(spec({ network: 'bridge', gpus: 1 }))).toBeUndefined()
  })
})

describe("a task's state", () => {
  it.each([
    ['pending', 'no suitable node', null, { is: 'waiting', for: 'no suitable node' }],
    ['preparing', '', null, { is: 'waiting', for: '' }],
    ['running', '', null, { is: 'running' }],
    ['complete', '', 0, { is: 'ended', exitCode: 0 }],
    ['failed', 'task: non-zero exit (3)', 3, { is: 'ended', exitCode: 3 }],
    ['failed', 'starting container failed: not found', 127, { is: 'refused', why: 'starting container failed: not found' }],
    ['rejected', 'No such image: x', null, { is: 'refused', why: 'No such image: x' }],
    ['shutdown', '', null, { is: 'lost', why: 'the cluster put it into state "shutdown"' }],
    ['orphaned', 'node is down', null, { is: 'lost', why: 'node is down' }],
  ] as const)('%s (%s)', (state, problem, exitCode, verdict) => {
    expect(swarmVerdict({ state, problem, exitCode })).toEqual(verdict)
  })
})
