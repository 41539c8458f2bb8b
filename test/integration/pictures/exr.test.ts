import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ByteReader } from '../../../src/main/pictures/byteReader.ts'
import { checkPicture } from '../../../src/main/pictures/checkPicture.ts'
import { readBlock, readOffsets, type Block } from '../../../src/main/pictures/exr/blocks.ts'
import { readExrHeader, type ExrHeader } from '../../../src/main/pictures/exr/header.ts'
import { unpack } from '../../../src/main/pictures/exr/unpack.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { requirePart } from '../../support/parts.ts'
import { savedPictures } from '../../support/savedPictures.ts'

const blender = requirePart('blender')

blender.describe('an OpenEXR file', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let saved = ''
  beforeAll(async () => {
    folder = await temporaryFolder()
    saved = await savedPictures(blender.path)
  })
  afterAll(() => folder.remove())

  async function blocksOf(name: string): Promise<{ header: ExrHeader; blocks: Block[]; pixels: Buffer }> {
    return ByteReader.with(join(saved, name), async (reader) => {
      const header = await readExrHeader(reader)
      const [table = []] = await readOffsets(reader, header)
      const blocks: Block[] = []
      const pixels: Buffer[] = []
      for (const offset of table) {
        const block = await readBlock(reader, header, 0, offset)
        blocks.push(block)
        for (const piece of block.pieces) {
          const unpacked = await unpack(block, piece, await reader.readAt(piece.at, piece.packed), true)
          pixels.push(Buffer.from(unpacked ?? []))
        }
      }
      return { header, blocks, pixels: Buffer.concat(pixels) }
    })
  }
  async function judged(name: string, spoil: (bytes: Buffer) => Buffer | void): Promise<{ state: string; reason?: string }> {
    const bytes = Buffer.from(readFileSync(join(saved, name)))
    const path = join(folder.path, 'spoiled.exr')
    await writeFile(path, spoil(bytes) ?? bytes)
    return checkPicture(path)
  }
  const firstBlock = async (name: string) => {
    const { blocks } = await blocksOf(name)
    const piece = blocks[0]?.pieces[0]
    if (!piece || piece.packed === piece.unpacked) throw new Error(`the first block of ${name} is not packed`)
    return piece
  }

  it('packed as PIZ unpacks to the pixels that were saved', async () => {
    const [piz, plain] = [await blocksOf('PIZ.exr'), await blocksOf('NONE.exr')]
    expect(piz.blocks.some(({ pieces: [piece] }) => piece && piece.packed < piece.unpacked)).toBe(true)
    expect(piz.pixels.equals(plain.pixels)).toBe(true)
  })

  it('packed as PIZ tells whether it is black or of one colour, as others do', async () => {
    const [piz, zip] = await Promise.all(['PIZ.exr', 'ZIP.exr'].map((name) => checkPicture(join(saved, name))))
    expect(piz).toMatchObject({ state: 'whole', facts: { allBlack: false, oneColour: false } })
    expect(piz).toEqual(zip)
  })

  it.each(['PIZ.exr', 'layers PIZ.exr'])(
    'packed as PIZ is damaged when a block stands for fewer or more numbers than it has pixels: %s',
    async (name) => {
      const piece = await firstBlock(name)
      // Counts of bits stand behind the marks of the numbers that occur.
      const bitsAt = (bytes: Buffer) => piece.at + 4 + (bytes.readUInt16LE(piece.at + 2) - bytes.readUInt16LE(piece.at) + 1) + 4 + 12
      const changed = (by: number) => (bytes: Buffer) => void bytes.writeUInt32LE(bytes.readUInt32LE(bitsAt(bytes)) + by, bitsAt(bytes))
      expect(await judged(name, changed(-40))).toMatchObject({
        state: 'damaged',
        reason: expect.stringMatching(/unpacks to \d+ bytes instead of|ends within a word/),
      })
      expect(await judged(name, changed(1_000_000))).toMatchObject({
        state: 'damaged',
        reason: expect.stringContaining('declares more data than it has'),
      })
    },
  )

  it('packed as PIZ is damaged when garbage or zeros stand in a block, and never hangs', async () => {
    const piece = await firstBlock('layers PIZ.exr')
    for (const byte of [0, 0xff, 0x5a]) {
      expect(await judged('layers PIZ.exr', (bytes) => void bytes.fill(byte, piece.at + 40, piece.at + piece.packed))).toMatchObject({
        state: 'damaged',
      })
      expect(await judged('layers PIZ.exr', (bytes) => void bytes.fill(byte, piece.at, piece.at + piece.packed))).toMatchObject({
        state: 'damaged',
      })
    }
    // Some of these are other pixels, which nothing can know.
    for (let at = piece.at; at < piece.at + Math.min(600, piece.packed); at += 7) {
      const { state } = await judged('layers PIZ.exr', (bytes) => void (bytes[at] = (bytes[at] ?? 0) ^ 0x55))
      expect(['damaged', 'whole']).toContain(state)
    }
  })

  it('packed as HTJ2K is unchecked when all of it is there, and damaged when it is cut', async () => {
    const htj2k = (bytes: Buffer) => {
      const at = bytes.indexOf('compression\0compression\0') + 'compression\0compression\0'.length + 4
      expect(bytes[at]).toBe(4)
      bytes[at] = 11
    }
    expect(await judged('PIZ.exr', htj2k)).toEqual({ state: 'unchecked', reason: expect.stringContaining('HTJ2K32') })
    const cut = (bytes: Buffer) => {
      htj2k(bytes)
      return bytes.subarray(0, bytes.length - 100)
    }
    expect(await judged('PIZ.exr', cut)).toMatchObject({ state: 'damaged' })
  })

  it.each([
    [
      'a size that is not that of its pixels',
      (sizes: number) => (bytes: Buffer) => void bytes.writeInt32LE(bytes.readInt32LE(sizes) - 2, sizes),
    ],
    [
      'another row than its table says',
      (sizes: number) => (bytes: Buffer) => void bytes.writeInt32LE(bytes.readInt32LE(sizes - 4) + 1, sizes - 4),
    ],
  ])('that is not packed is damaged when a block has %s', async (_, spoil) => {
    const { blocks } = await blocksOf('NONE.exr')
    const at = blocks[3]?.pieces[0]?.at ?? 0
    expect(await judged('NONE.exr', spoil(at - 4))).toMatchObject({ state: 'damaged' })
  })

  it('that is not packed is damaged when its table names a block twice, or a place within another block', async () => {
    const { header, blocks } = await blocksOf('NONE.exr')
    expect(await judged('NONE.exr', (bytes) => void bytes.copy(bytes, header.end, header.end + 8, header.end + 16))).toMatchObject({
      state: 'damaged',
    })
    const [begin = 0, pixels = 0] = [blocks[1]?.begin, blocks[1]?.pieces[0]?.at]
    // A head as a block has it, made of pixels.
    const forged = (bytes: Buffer) => {
      bytes.copy(bytes, pixels, begin, pixels)
      bytes.writeBigUInt64LE(BigInt(pixels), header.end + 8)
    }
    expect(await judged('NONE.exr', forged)).toMatchObject({ state: 'damaged', reason: 'has blocks that lie upon each other' })
  })
})
