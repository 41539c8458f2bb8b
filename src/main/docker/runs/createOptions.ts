/** A run's specification in the words of the engine's API. Pure. */
import type Docker from 'dockerode'
import type { RunSpec } from '../executor.ts'
import type { LogDriver } from '../engines/logDriver.ts'

const NANO = 1_000_000_000

/** Body of `POST /containers/create`; `name` goes into the query. */
export function createOptions(spec: RunSpec, log?: LogDriver): Docker.ContainerCreateOptions {
  return {
    name: spec.name,
    Image: spec.image,
    ...(spec.args.length > 0 && { Cmd: [...spec.args] }),
    ...(spec.entrypoint !== undefined && { Entrypoint: [...spec.entrypoint] }),
    Env: [...spec.env],
    Labels: { ...spec.labels },
    ...(spec.workDir && { WorkingDir: spec.workDir }),
    ...(spec.user && { User: spec.user }),
    ...(spec.stopSignal && { StopSignal: spec.stopSignal }),
    StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: false,
    Tty: false,
    HostConfig: { ...hostConfig(spec), ...(log && { LogConfig: { Type: log.name, Config: { ...log.options } } }) },
  }
}

function hostConfig(spec: RunSpec): Docker.HostConfig {
  return {
    // Ours to remove, after its exit state was read.
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
    NetworkMode: spec.network ?? 'bridge',
    Mounts: spec.mounts.map(mount),
    ...(spec.cpus !== undefined && { NanoCpus: Math.round(spec.cpus * NANO) }),
    // Without swap: a container that outgrows its memory ends instead of making the machine slow.
    ...(spec.memoryBytes !== undefined && { Memory: spec.memoryBytes, MemorySwap: spec.memoryBytes }),
    ...(spec.shmBytes !== undefined && { ShmSize: spec.shmBytes }),
    ...(spec.pids !== undefined && { PidsLimit: spec.pids }),
    ...(spec.gpus !== undefined && { DeviceRequests: [deviceRequest(spec.gpus)] }),
    ...(spec.extraHosts && { ExtraHosts: Object.entries(spec.extraHosts).map(([name, address]) => `${name}:${address}`) }),
    ...(spec.readOnlyRoot && { ReadonlyRootfs: true }),
    ...(spec.dropCapabilities && { CapDrop: ['ALL'] }),
    ...(spec.addCapabilities?.length && { CapAdd: [...spec.addCapabilities] }),
    ...(spec.privileged && { Privileged: true }),
    ...(spec.hostPid && { PidMode: 'host' }),
    ...(spec.devices?.length && {
      Devices: spec.devices.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rwm' })),
    }),
  }
}

function mount({ type = 'bind', source, target, readOnly = false }: RunSpec['mounts'][number]): Docker.MountSettings {
  return { Type: type, Source: source ?? '', Target: target, ReadOnly: readOnly }
}

function deviceRequest(gpus: NonNullable<RunSpec['gpus']>): Docker.DeviceRequest {
  const which = gpus === 'all' ? { Count: -1 } : typeof gpus === 'number' ? { Count: gpus } : { DeviceIDs: [...gpus] }
  return { Driver: '', Capabilities: [['gpu']], Options: {}, ...which }
}
