/** Which files are pictures, by their names' endings. Pure. */

/** What the image library reads by itself, in the manager as in workers. */
const DIRECT = new Set(['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.webp', '.gif', '.avif'])
/** What a worker first has a program turn into something that it reads. */
const BY_HELPER = new Set(['.exr', '.dpx', '.cin', '.tga', '.bmp', '.jp2', '.j2k', '.j2c', '.sgi', '.rgb', '.hdr', '.ppm', '.pgm', '.pam'])

/** How a preview of a file can be made; undefined when there is none to make: it is no picture. */
export function pictureKind(path: string): 'direct' | 'by-helper' | undefined {
  const ending = /\.[^./\\]+$/.exec(path)?.[0].toLowerCase() ?? ''
  return DIRECT.has(ending) ? 'direct' : BY_HELPER.has(ending) ? 'by-helper' : undefined
}
