/** What systems are called in variables and job settings: as Node calls them, but for Windows. */
export function platformName(platform: NodeJS.Platform = process.platform): string {
  return platform === 'win32' ? 'windows' : platform
}
