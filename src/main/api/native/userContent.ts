/** Headers for what users made (images, logs, files): whatever it is, it never becomes a page or a script of our origin. */
export function userContentHeaders(type: string): Record<string, string> {
  return {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'same-origin',
  }
}
