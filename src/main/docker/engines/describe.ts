/** What an engine is: version, size, GPUs, images. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { ContainerEngine } from '../../../shared/schemas/container.ts'
import { ask, type Engine } from './engine.ts'
import { listImages } from './images.ts'

const text = Type.Optional(Type.String())
/** As much of `GET /info` as is used; engines differ in the rest. */
const Info = Type.Object({
  ServerVersion: text,
  OSType: text,
  Architecture: text,
  NCPU: Type.Optional(Type.Integer()),
  MemTotal: Type.Optional(Type.Number()),
  Runtimes: Type.Optional(Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())])),
})

/** @throws EngineUnreachableError, EngineRefusedError */
export async function describeEngine(engine: Engine): Promise<ContainerEngine> {
  const what = 'cannot ask the engine'
  const [answer, version, images]: [unknown, { ApiVersion: string }, ContainerEngine['images']] = await Promise.all([
    ask(engine, what, engine.docker.info()),
    ask(engine, what, engine.docker.version()),
    listImages(engine),
  ])
  const info = Value.Check(Info, answer) ? answer : {}
  return {
    name: engine.name,
    host: engine.host,
    available: true,
    problem: '',
    version: info.ServerVersion ?? '',
    apiVersion: version.ApiVersion,
    os: info.OSType ?? '',
    arch: info.Architecture ?? '',
    cpus: info.NCPU ?? 0,
    memoryBytes: info.MemTotal ?? 0,
    gpus: Object.keys(info.Runtimes ?? {}).some((runtime) => runtime.includes('nvidia')),
    images,
  }
}
