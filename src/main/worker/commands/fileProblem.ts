/** Why a file operation failed, in words for people. */
export function fileProblem(error: unknown): string {
  const reasons: Record<string, string> = {
    ENOENT: 'it does not exist',
    EACCES: 'this worker may not do that there',
    EPERM: 'this worker may not do that there',
    EROFS: 'the disk is read-only',
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EEXIST: 'there is a file of that name',
    ENOTDIR: 'a part of the path is a file and no folder',
    EISDIR: 'it is a folder',
  }
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : ''
  return reasons[code] ?? error.message
}
