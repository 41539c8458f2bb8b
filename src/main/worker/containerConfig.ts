/** The container settings of a worker's owner, for modules that must not import docker/. */
export { ContainerConfig, DEFAULT_SOCKET } from '../docker/config.ts'
