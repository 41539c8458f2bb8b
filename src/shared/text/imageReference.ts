/** Parses Docker image names. Pure. */

export interface ImageReference {
  /** Host (and port) of the registry; `docker.io` when the name has none. */
  registry: string
  /** The name without tag and digest, as written. */
  name: string
  /** Tag or digest to pull: `latest` when there is neither. */
  tag: string
  isDigest: boolean
}

const DEFAULT_REGISTRY = 'docker.io'

/** `registry:5000/team/blender:4.2` → its parts. A digest takes precedence over a tag, as in Docker. */
export function parseImageReference(image: string): ImageReference {
  const at = image.indexOf('@')
  const named = at < 0 ? image : image.slice(0, at)
  const digest = at < 0 ? '' : image.slice(at + 1)
  const slash = named.lastIndexOf('/')
  const colon = named.indexOf(':', slash + 1)
  const name = colon < 0 ? named : named.slice(0, colon)
  const tag = digest || (colon < 0 ? '' : named.slice(colon + 1)) || 'latest'
  return { registry: registryOf(name), name, tag, isDigest: digest !== '' }
}

/** The first component is a host when it looks like one: a dot, a port, or `localhost`. */
function registryOf(name: string): string {
  const [first = '', ...rest] = name.split('/')
  const isHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost')
  if (!isHost) return DEFAULT_REGISTRY
  return first === 'index.docker.io' ? DEFAULT_REGISTRY : first
}
