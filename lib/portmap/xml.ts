import { PortmapDecodeError } from "./error.ts";

/** The longest document in characters. */
export const MAX_XML_LENGTH = 65_536;
/** The most elements of a document. */
export const MAX_XML_ELEMENTS = 2_048;
/** The deepest nesting of elements. */
export const MAX_XML_DEPTH = 32;

/** An element: what a UPnP document needs. Attributes, comments and mixed content are left out. */
export interface XmlElement {
  /** Without its namespace prefix. */
  readonly name: string;
  /** The character data directly inside, joined and trimmed. */
  readonly text: string;
  /** In document order. */
  readonly children: readonly XmlElement[];
}

interface OpenElement {
  readonly tag: string;
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

/**
 * Reads a document, bounded and without anything that expands: a document type, and with it every
 * declared entity, is refused; the five predefined entities and character references are replaced,
 * other `&` stay as they are, as routers write them unescaped in names.
 *
 * @returns the root element
 * @throws {PortmapDecodeError} `too-large` or `bad-xml`, with the offset in characters
 *
 * @example
 * ```ts
 * import { parseXml } from "@dhtnet/dhtnet/portmap";
 * import assert from "node:assert/strict";
 * const root = parseXml("<s:Body><NewPort>1&lt;2</NewPort></s:Body>");
 * assert.equal(root.name, "Body");
 * assert.equal(root.children[0]?.text, "1<2");
 * ```
 */
export function parseXml(document: string): XmlElement {
  if (document.length > MAX_XML_LENGTH) {
    throw new PortmapDecodeError("too-large", MAX_XML_LENGTH, `${document.length} characters`);
  }
  const top: OpenElement = { tag: "", name: "", text: "", children: [] };
  const open: OpenElement[] = [top];
  let elements = 0, at = 0;
  while (at < document.length) {
    const inside = open.at(-1)!;
    const tagStart = document.indexOf("<", at);
    if (tagStart !== at) {
      const end = tagStart === -1 ? document.length : tagStart;
      const text = document.slice(at, end);
      if (inside === top && text.replace(/^\uFEFF/, "").trim() !== "") fail(at, "text outside");
      inside.text += unescapeXml(text);
      at = end;
    } else if (document.startsWith("<!--", at)) {
      at = after(document, "-->", at + 4);
    } else if (document.startsWith("<?", at)) {
      at = after(document, "?>", at + 2);
    } else if (document.startsWith("<![CDATA[", at)) {
      const end = after(document, "]]>", at + 9);
      inside.text += document.slice(at + 9, end - 3);
      at = end;
    } else if (document.startsWith("<!", at)) {
      fail(at, "document types are refused");
    } else if (document.startsWith("</", at)) {
      const end = after(document, ">", at + 2);
      if (inside === top || document.slice(at + 2, end - 1).trimEnd() !== inside.tag) {
        fail(at, "end of another element");
      }
      open.pop();
      open.at(-1)!.children.push(closed(inside));
      at = end;
    } else {
      if (++elements > MAX_XML_ELEMENTS || open.length > MAX_XML_DEPTH) {
        throw new PortmapDecodeError("too-large", at, "too many elements or levels");
      }
      const { tag, empty, end } = startTag(document, at);
      const name = tag.slice(tag.indexOf(":") + 1);
      if (empty) inside.children.push({ name, text: "", children: [] });
      else open.push({ tag, name, text: "", children: [] });
      at = end;
    }
  }
  if (open.length !== 1 || top.children.length !== 1) fail(at, "not one whole root element");
  return top.children[0]!;
}

/** Text with `&`, `<`, `>` and quotes made harmless. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** All elements of that name below an element, at any depth, in document order. */
export function descendants(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((child) => [
    ...(child.name === name ? [child] : []),
    ...descendants(child, name),
  ]);
}

/** The text of the first child of that name; undefined when there is none. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

function closed({ name, text, children }: OpenElement): XmlElement {
  return { name, text: text.trim(), children };
}

function startTag(document: string, at: number): { tag: string; empty: boolean; end: number } {
  const name = /[A-Za-z_][\w.:-]{0,127}(?=[\s/>])/y;
  name.lastIndex = at + 1;
  const tag = name.exec(document)?.[0];
  if (tag === undefined) fail(at, "not a start tag");
  // a quoted attribute value may hold ">"
  const rest = /(?:[^<>"']|"[^"<]*"|'[^'<]*')*>/y;
  rest.lastIndex = name.lastIndex;
  if (rest.exec(document) === null) fail(at, "a tag without end");
  const end = rest.lastIndex;
  return { tag, empty: document[end - 2] === "/", end };
}

function after(document: string, mark: string, from: number): number {
  const at = document.indexOf(mark, from);
  if (at === -1) fail(from, `no ${mark}`);
  return at + mark.length;
}

const PREDEFINED: Readonly<Record<string, string>> = {
  "lt": "<",
  "gt": ">",
  "amp": "&",
  "quot": '"',
  "apos": "'",
};

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g, (...match) => {
    const [whole, decimal, hex, name] = match as string[];
    if (name !== undefined) return PREDEFINED[name]!;
    const codePoint = decimal === undefined ? parseInt(hex!, 16) : Number(decimal);
    return codePoint > 0 && codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : whole!;
  });
}

function fail(offset: number, detail: string): never {
  throw new PortmapDecodeError("bad-xml", offset, detail);
}
