import { afterEach, describe, expect, it, vi } from 'vitest'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A fresh copy of the module, so that nothing is remembered from another test. */
async function freshParts() {
  vi.resetModules()
  return import('../../support/parts.ts')
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('requirePart', () => {
  it('fails when FRAMEHOUSE_REQUIRE names a part that is missing', async () => {
    vi.stubEnv('PATH', '')
    vi.stubEnv('FRAMEHOUSE_REQUIRE', 'ffmpeg, blender')
    const { requirePart } = await freshParts()
    expect(() => requirePart('blender')).toThrow(/FRAMEHOUSE_REQUIRE names "blender"/)
  })

  it('announces a missing part loudly and skips when it is not required', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'framehouse-parts-'))
    try {
      const file = join(folder, 'missing')
      vi.stubEnv('PATH', '')
      vi.stubEnv('FRAMEHOUSE_REQUIRE', '')
      vi.stubEnv('FRAMEHOUSE_MISSING_PARTS', file)
      const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
      const { requirePart } = await freshParts()
      const part = requirePart('ffmpeg')
      requirePart('ffmpeg')
      expect(part.missing).toBe(true)
      expect(stderr).toHaveBeenCalledTimes(1)
      expect(stderr.mock.calls[0]?.[0]).toContain('MISSING PART: ffmpeg')
      expect(readFileSync(file, 'utf8')).toBe('ffmpeg\n')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
