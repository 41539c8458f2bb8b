/** Which of the channels of an OpenEXR file show the picture. */

/**
 * The layer that looks like the picture: '' when the file has plain R, G, B; else the first "…Combined", else the first
 * layer with all three. Undefined when there is none.
 */
export function pictureLayer(channels: readonly string[]): string | undefined {
  const all = new Set(channels)
  const layers = channels
    .filter((name) => name === 'R' || name.endsWith('.R'))
    .map((name) => name.slice(0, -1))
    .filter((prefix) => all.has(`${prefix}G`) && all.has(`${prefix}B`))
  if (layers.includes('')) return ''
  const best = layers.find((prefix) => prefix.endsWith('Combined.')) ?? layers[0]
  return best?.slice(0, -1)
}
