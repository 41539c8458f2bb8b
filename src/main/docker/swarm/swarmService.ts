/** A run's specification as a job-mode service of a Docker Swarm, and what such a service does not support. Pure. */
import type { RunSpec } from '../executor.ts'
import type { LogDriver } from '../engines/logDriver.ts'

const NANO = 1_000_000_000
const NANO_PER_MS = 1_000_000

/** Body of `POST /services/create` (API 1.41), as much of it as is used. */
export interface SwarmServiceSpec {
  Name: string
  Labels: Record<string, string>
  TaskTemplate: object
  Mode: { ReplicatedJob: { MaxConcurrent: 1; TotalCompletions: 1 } }
}

/** Parameters of the specification that a service does not support: `[parameter, reason]`, or undefined. */
export function swarmProblem(spec: RunSpec): { parameter: string; reason: string } | undefined {
  const { network = 'bridge', gpus } = spec
  const wanted: [parameter: string, isAsked: boolean][] = [
    ['privileged', spec.privileged === true],
    ['hostPid', spec.hostPid === true],
    ['devices', (spec.devices?.length ?? 0) > 0],
    ['network', network === 'none' || network.startsWith('container:')],
    // A cluster counts GPUs as generic resources; which ones they are is up to the node.
    ['gpus', gpus !== undefined && typeof gpus !== 'number'],
    ['pull', spec.pull === 'never'],
  ]
  const found = wanted.find(([, isAsked]) => isAsked)
  return found && { parameter: found[0], reason: 'is not supported by Docker Swarm services' }
}

/** The service: one task, run once, never started again by the cluster; what a failure means is the farm's to decide. */
export function swarmService(spec: RunSpec, log?: LogDriver): SwarmServiceSpec {
  return {
    Name: spec.name,
    Labels: { ...spec.labels },
    TaskTemplate: {
      ContainerSpec: containerSpec(spec),
      Resources: resources(spec),
      RestartPolicy: { Condition: 'none' },
      ...(log && { LogDriver: { Name: log.name, Options: { ...log.options } } }),
      ...(spec.network !== undefined &&
        spec.network !== 'bridge' &&
        spec.network !== 'default' && { Networks: [{ Target: spec.network }] }),
    },
    Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
  }
}

function containerSpec(spec: RunSpec): object {
  const shm = spec.shmBytes === undefined ? [] : [{ Type: 'tmpfs', Target: '/dev/shm', TmpfsOptions: { SizeBytes: spec.shmBytes } }]
  return {
    Image: spec.image,
    Labels: { ...spec.labels },
    ...(spec.entrypoint !== undefined && { Command: [...spec.entrypoint] }),
    ...(spec.args.length > 0 && { Args: [...spec.args] }),
    Env: [...spec.env],
    ...(spec.workDir && { Dir: spec.workDir }),
    ...(spec.user && { User: spec.user }),
    Mounts: [...spec.mounts.map(mount), ...shm],
    ...(spec.stopSignal && { StopSignal: spec.stopSignal }),
    StopGracePeriod: spec.stopGraceMs * NANO_PER_MS,
    ...(spec.readOnlyRoot && { ReadOnly: true }),
    ...(spec.extraHosts && { Hosts: Object.entries(spec.extraHosts).map(([name, address]) => `${address} ${name}`) }),
    ...(spec.dropCapabilities && { CapabilityDrop: ['ALL'] }),
    ...(spec.addCapabilities?.length && { CapabilityAdd: [...spec.addCapabilities] }),
  }
}

function mount({ type = 'bind', source, target, readOnly = false }: RunSpec['mounts'][number]): object {
  return { Type: type, ...(type !== 'tmpfs' && { Source: source ?? '' }), Target: target, ReadOnly: readOnly }
}

/** The limits are reserved as well: a cluster places by what is reserved, and a node must not be promised twice. */
function resources({ cpus, memoryBytes, pids, gpus }: RunSpec): object {
  const both = {
    ...(cpus !== undefined && { NanoCPUs: Math.round(cpus * NANO) }),
    ...(memoryBytes !== undefined && { MemoryBytes: memoryBytes }),
  }
  return {
    Limits: { ...both, ...(pids !== undefined && { Pids: pids }) },
    Reservations: {
      ...both,
      ...(typeof gpus === 'number' && { GenericResources: [{ DiscreteResourceSpec: { Kind: 'gpu', Value: gpus } }] }),
    },
  }
}

/** What is known of the one task of such a service. */
export interface SwarmTaskFacts {
  state: string
  /** The cluster's words for what it waits for or why it failed. */
  problem: string
  exitCode: number | null
}

export type SwarmVerdict =
  | { is: 'waiting'; for: string }
  | { is: 'running' }
  /** Its container ended, with this exit code. */
  | { is: 'ended'; exitCode: number }
  /** The cluster would not or could not start it. */
  | { is: 'refused'; why: string }
  /** Ended by the cluster and not by itself: not the task's failure. */
  | { is: 'lost'; why: string }

/** What a task's state means for its run. */
export function swarmVerdict({ state, problem, exitCode }: SwarmTaskFacts): SwarmVerdict {
  switch (state) {
    case 'complete':
      return { is: 'ended', exitCode: exitCode ?? 0 }
    case 'failed':
      // The engine notes an exit code for what never started as well; only these words say that a process ended.
      return problem.startsWith('task: non-zero exit') && exitCode !== null
        ? { is: 'ended', exitCode }
        : { is: 'refused', why: problem || 'it failed to start' }
    case 'rejected':
      return { is: 'refused', why: problem || 'it was rejected' }
    case 'shutdown':
    case 'orphaned':
    case 'remove':
      return { is: 'lost', why: problem || `the cluster put it into state "${state}"` }
    case 'running':
      return { is: 'running' }
    default:
      return { is: 'waiting', for: problem }
  }
}
