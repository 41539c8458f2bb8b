/** The identities that Colonies' own examples and tests use. Their private keys are published, so they prove nothing. */
const DEVELOPMENT_IDS: ReadonlySet<string> = new Set([
  '039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103',
  '4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4',
  '3fc05cf3df4b494e95d6a3d297a34f19938f7daa7422ab0d4f794454133341ac',
])

export function isDevelopmentId(id: string): boolean {
  return DEVELOPMENT_IDS.has(id)
}

/** The development identity that owns a server. */
export const DEVELOPMENT_SERVER_ID = '039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103'
