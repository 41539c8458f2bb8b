/** The little XML of S3: documents that are written, and bodies of three kinds that are read. Pure. */
import { S3Error } from './errors.ts'

/** An element's content: text, or elements by name; a list repeats its element. */
export type XmlValue = string | number | boolean | undefined | XmlElements | readonly XmlValue[]
export interface XmlElements {
  readonly [name: string]: XmlValue
}

export const XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A document of S3's namespace; errors have none. */
export function xmlDocument(root: string, content: XmlElements, hasNamespace = true): string {
  const open = hasNamespace ? `${root} xmlns="${NAMESPACE}"` : root
  return `${XML_HEAD}<${open}>${elements(content)}</${root}>`
}

function elements(content: XmlElements): string {
  return Object.entries(content)
    .map(([name, value]) => element(name, value))
    .join('')
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return ''
  if (isList(value)) return value.map((each) => element(name, each)).join('')
  return `<${name}>${typeof value === 'object' ? elements(value) : escaped(String(value))}</${name}>`
}

const isList = (value: XmlValue): value is readonly XmlValue[] => Array.isArray(value)

/** Characters that XML cannot hold are written as S3 does, by their number. */
function escaped(text: string): string {
  return text.replace(/[&<>"\u0000-\u0008\u000b-\u001f\u007f\ufffe\uffff\r]/g, (char) => {
    const named = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }[char]
    return named ?? `&#x${char.charCodeAt(0).toString(16)};`
  })
}

/** An element that was read: its text, or its children in order. */
export interface XmlNode {
  readonly name: string
  readonly text: string
  readonly children: readonly XmlNode[]
}

interface OpenNode {
  name: string
  text: string
  children: XmlNode[]
}

const DEEPEST = 10
const MOST_NODES = 50_000
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<(\/?)([\w.:-]+)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+/gy

/** Reads a body: elements and text. No document types, so no entities of a client's own. @throws S3Error MalformedXML */
export function readXml(text: string): XmlNode {
  const malformed = (): S3Error =>
    new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
  const top: OpenNode = { name: '', text: '', children: [] }
  const open: OpenNode[] = [top]
  let nodes = 0
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text)
    const here = open.at(-1)
    if (!token || !here) throw malformed()
    const [whole, data, isEnd, tag, , isEmpty] = token
    if (tag !== undefined) {
      const name = tag.replace(/^.*:/, '')
      if (isEnd) {
        open.pop()
        if (here === top || here.name !== name) throw malformed()
        continue
      }
      if (++nodes > MOST_NODES || open.length > DEEPEST || (here === top && top.children.length > 0)) throw malformed()
      const node: OpenNode = { name, text: '', children: [] }
      here.children.push(node)
      if (!isEmpty) open.push(node)
    } else if (data !== undefined) here.text += data
    else if (!whole.startsWith('<')) here.text += unescaped(whole, malformed)
  }
  const [root] = top.children
  if (open.length !== 1 || !root || top.text.trim() !== '') throw malformed()
  return root
}

function unescaped(text: string, malformed: () => S3Error): string {
  return text.replace(/&([^;&]*);?/g, (whole, name: string) => {
    if (!whole.endsWith(';')) throw malformed()
    const digits = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name)
    const code = digits ? Number.parseInt(digits[1] ?? digits[2] ?? '', digits[1] === undefined ? 10 : 16) : undefined
    const char = code === undefined ? ENTITIES[name] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined
    if (char === undefined) throw malformed()
    return char
  })
}

/** The text of a child; undefined: it has none of this name. */
export function childText(node: XmlNode, name: string): string | undefined {
  return node.children.find((child) => child.name === name)?.text
}
