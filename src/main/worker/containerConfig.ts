/** What a worker's owner says about containers, for those who may not look into docker/. */
export { ContainerConfig, DEFAULT_SOCKET } from '../docker/config.ts'
