/** Headers for user content (images, logs, files): whatever it is, browsers never run it as a page or script of this origin. */
export function userContentHeaders(type: string): Record<string, string> {
  return {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'same-origin',
  }
}
