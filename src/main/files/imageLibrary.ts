import type sharp from 'sharp'

/** sharp, loaded with the first image: a manager listens before it is needed. */
export async function imageLibrary(): Promise<typeof sharp> {
  return (await import('sharp')).default
}
