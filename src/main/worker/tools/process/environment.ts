/**
 * The environment that programs of jobs get: the worker's own without what is ours or looks like a secret. A job runs
 * with the rights of the worker's user, so this keeps secrets out of logs and crash reports; it is no wall.
 */

/** Names by prefix that are of no use to a renderer and that a job should not see. */
const OURS = /^(FRAMEHOUSE_|NODE_|npm_|ELECTRON_|VITEST|AWS_|AZURE_|GOOGLE_APPLICATION_|GITHUB_|GITLAB_|SSH_AUTH_SOCK$|SSH_AGENT_PID$)/i
const SECRET = /(SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)/i

/** `own` without what jobs shall not see, with `added` on top; on Windows names differ by more than case only. */
export function jobEnvironment(
  own: NodeJS.ProcessEnv,
  added: Readonly<Record<string, string>>,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const environment: Record<string, string> = {}
  const replaced = new Set(Object.keys(added).map((name) => (platform === 'win32' ? name.toUpperCase() : name)))
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || OURS.test(name) || SECRET.test(name)) continue
    if (replaced.has(platform === 'win32' ? name.toUpperCase() : name)) continue
    environment[name] = value
  }
  return { ...environment, ...added }
}
