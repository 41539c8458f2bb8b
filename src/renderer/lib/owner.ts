/** Owners as people read them. */

/** `user:anna` and `token:render-script` without their kind, which would take the room of the name. */
export function ownerName(owner: string): string {
  return owner.replace(/^(?:user|token|key):(?=.)/, '')
}
