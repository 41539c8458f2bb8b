import { describe, expect, it } from 'vitest'
import { type MachineView, findAll, findProgram } from '../../../../src/main/worker/tools/find.ts'

/** A machine with exactly these programs on its disk. */
function machine(view: Partial<MachineView> & { files: string[] }): MachineView {
  const separator = view.platform === 'win32' ? '\\' : '/'
  return {
    platform: 'linux',
    arch: 'x64',
    env: {},
    home: '/home/ann',
    programDir: '/opt/framehouse',
    isProgram: (path) => view.files.includes(path),
    list: (folder) => {
      const inside = view.files.filter((file) => file.startsWith(folder)).map((file) => file.slice(folder.length).split(separator)[0] ?? '')
      return [...new Set(inside)]
    },
    ...view,
  }
}

const none = { programs: {} }

describe('findProgram', () => {
  const linux = machine({
    files: ['/usr/bin/blender', '/opt/blender-4.5/blender', '/opt/blender-4.10/blender', '/usr/bin/ls', '/data/blender'],
    env: { PATH: '/usr/local/bin:/usr/bin' },
  })

  it('prefers the settings over everything', () => {
    expect(findProgram('blender', { programs: { blender: '/data/blender' } }, linux)).toBe('/data/blender')
    expect(findProgram('blender.exe', { programs: { blender: '/data/blender' } }, linux)).toBe('/data/blender')
  })

  it('shows a wrong setting instead of papering it over', () => {
    expect(findProgram('blender', { programs: { blender: '/gone/blender' } }, linux)).toBe('/gone/blender')
  })

  it('looks on PATH before the usual places', () => {
    expect(findProgram('blender', none, linux)).toBe('/usr/bin/blender')
  })

  it('takes the newest version of the usual places when PATH has none', () => {
    const files = ['/opt/blender-4.5/blender', '/opt/blender-4.10/blender', '/opt/blender-3.6/blender']
    expect(findProgram('blender', none, machine({ files }))).toBe('/opt/blender-4.10/blender')
  })

  it('finds other programs on PATH only', () => {
    expect(findProgram('ls', none, linux)).toBe('/usr/bin/ls')
    expect(findProgram('oslc', none, linux)).toBeUndefined()
  })

  it('takes a path as it is, when something is there', () => {
    expect(findProgram('/data/blender', none, linux)).toBe('/data/blender')
    expect(findProgram('/nowhere/blender', none, linux)).toBeUndefined()
  })

  it('takes a path without its ending on Windows, as that system does, and there only', () => {
    const files = ['C:\\Blender 4\\blender.exe', 'C:\\tools\\ls', '/opt/x/blender.exe']
    const windows = machine({ platform: 'win32', files })
    expect(findProgram('C:\\Blender 4\\blender', none, windows)).toBe('C:\\Blender 4\\blender.exe')
    expect(findProgram('C:\\Blender 4\\blender.exe', none, windows)).toBe('C:\\Blender 4\\blender.exe')
    expect(findProgram('C:\\tools\\ls', none, windows)).toBeUndefined()
    expect(findProgram('/opt/x/blender', none, machine({ files }))).toBeUndefined()
  })

  it('finds an ffmpeg that came along with us, for this CPU first', () => {
    const files = ['/opt/framehouse/tools/ffmpeg', '/opt/framehouse/tools/ffmpeg-linux-amd64', '/usr/bin/ffmpeg']
    const env = { PATH: '/usr/bin' }
    expect(findProgram('ffmpeg', none, machine({ files, env }))).toBe('/opt/framehouse/tools/ffmpeg-linux-amd64')
    expect(findProgram('ffmpeg', none, machine({ files, env, arch: 'arm64' }))).toBe('/opt/framehouse/tools/ffmpeg')
  })

  it('knows where Windows keeps programs', () => {
    const windows = (files: string[], env = {}) => machine({ platform: 'win32', files, env, home: 'C:\\Users\\ann', programDir: 'C:\\fh' })
    const blender = 'C:\\Program Files\\Blender Foundation\\Blender 4.5\\blender.exe'
    const older = 'C:\\Program Files\\Blender Foundation\\Blender 3.6\\blender.exe'
    expect(findAll('blender', none, windows([older, blender]))).toEqual([blender, older])
    expect(findProgram('blender', none, windows(['D:\\b\\blender.exe', blender], { Path: 'D:\\b;C:\\Windows' }))).toBe('D:\\b\\blender.exe')
    expect(findProgram('ffmpeg.exe', none, windows(['C:\\ffmpeg-7.1\\bin\\ffmpeg.exe']))).toBe('C:\\ffmpeg-7.1\\bin\\ffmpeg.exe')
  })

  it('asks Windows which Blender opens .blend files, the launcher standing beside the program', () => {
    const files = ['E:\\tools\\blender\\blender.exe']
    const view = machine({ platform: 'win32', files, home: 'C:\\Users\\ann', opensBlend: () => 'E:\\tools\\blender\\blender-launcher.exe' })
    expect(findProgram('blender', none, view)).toBe(files[0])
  })

  it('knows where a Mac keeps programs', () => {
    const blenders = ['/Applications/Blender.app/Contents/MacOS/Blender', '/Applications/Blender 3.6.app/Contents/MacOS/Blender']
    const files = [...blenders, '/opt/homebrew/bin/ffmpeg']
    const mac = machine({ platform: 'darwin', files, home: '/Users/ann', env: { PATH: '/usr/bin' } })
    expect(findAll('blender', none, mac)).toEqual(blenders)
    expect(findProgram('ffmpeg', none, mac)).toBe('/opt/homebrew/bin/ffmpeg')
  })

  it('lists an installation once, even when PATH and the usual places name it', () => {
    expect(findAll('blender', none, linux)).toEqual(['/usr/bin/blender', '/opt/blender-4.10/blender', '/opt/blender-4.5/blender'])
  })
})
