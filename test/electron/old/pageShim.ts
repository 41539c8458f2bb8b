/** What Chromium 83 lacks, as far as the GUI uses it. Bundled before everything else of the page. */
const define = (target: object, name: string, value: unknown): void => {
  if (!(name in target)) Object.defineProperty(target, name, { value, writable: true, configurable: true })
}
function at<T>(this: ArrayLike<T>, index: number): T | undefined {
  return this[index < 0 ? this.length + index : index]
}
define(Array.prototype, 'at', at)
define(String.prototype, 'at', at)
define(Array.prototype, 'toSorted', function (this: unknown[], order?: (a: unknown, b: unknown) => number) {
  return [...this].sort(order)
})
define(Array.prototype, 'toReversed', function (this: unknown[]) {
  return [...this].reverse()
})
define(Object, 'hasOwn', (object: object, key: PropertyKey) => Object.prototype.hasOwnProperty.call(object, key))
define(String.prototype, 'replaceAll', function (this: string, from: string, to: string) {
  return this.split(from).join(to)
})
define(globalThis, 'structuredClone', (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown)
define(crypto, 'randomUUID', () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
})

export {}
