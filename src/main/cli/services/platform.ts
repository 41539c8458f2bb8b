/** Platform names in variables and job settings: as in Node, except for Windows. */
export function platformName(platform: NodeJS.Platform = process.platform): string {
  return platform === 'win32' ? 'windows' : platform
}
