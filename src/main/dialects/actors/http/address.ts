/** Addresses of the actors API in the one spelling that its routes have. Pure. */

/** `//actors`, `/actors/v2/…`, a slash at the end: all are `/actors/…`. Other addresses stay as they are. */
export function rewriteAddress(url: string): string {
  if (!/^\/+actors(\/|\?|$)/.test(url)) return url
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  const query = at < 0 ? '' : url.slice(at)
  const plain = path.replace(/\/{2,}/g, '/').replace(/^\/actors\/v2(?=\/|$)/, '/actors')
  return (plain.length > 1 ? plain.replace(/\/$/, '') : plain) + query
}
