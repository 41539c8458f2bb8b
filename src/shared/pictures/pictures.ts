/** Detects picture files by their extension. Pure. */

/** Formats that the image library reads directly, in the manager and in workers. */
const DIRECT = new Set(['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.webp', '.gif', '.avif'])
/** Formats that a worker must first convert with another program. */
const BY_HELPER = new Set(['.exr', '.dpx', '.cin', '.tga', '.bmp', '.jp2', '.j2k', '.j2c', '.sgi', '.rgb', '.hdr', '.ppm', '.pgm', '.pam'])

/** How to make a preview of a file; undefined when it is not a picture. */
export function pictureKind(path: string): 'direct' | 'by-helper' | undefined {
  const ending = /\.[^./\\]+$/.exec(path)?.[0].toLowerCase() ?? ''
  return DIRECT.has(ending) ? 'direct' : BY_HELPER.has(ending) ? 'by-helper' : undefined
}
