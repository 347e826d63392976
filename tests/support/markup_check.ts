/** Elements of HTML that have no end tag. */
const VOID = new Set(["meta", "br", "hr", "img", "link", "input"]);
const TAG = /^<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w-]+(?:="[^"<>]*")?)*)\s*(\/?)>/;

/**
 * What is wrong with a page: elements that are not closed in order, attributes without quotes, a `<`
 * or `&` that stands for itself. Undefined when nothing is.
 */
export function markupProblem(page: string): string | undefined {
  const open: string[] = [];
  const doctype = "<!DOCTYPE html>";
  if (!page.startsWith(doctype)) return "no document type";
  let at = doctype.length;
  while (at < page.length) {
    const next = page.indexOf("<", at);
    const text = page.slice(at, next < 0 ? undefined : next);
    if (open.at(-1) !== "style" && /&(?!#\d+;)/.test(text)) return `a bare & in ${text}`;
    if (next < 0) break;
    const match = TAG.exec(page.slice(next, next + 20_000));
    if (match === null) return `no tag: ${page.slice(next, next + 60)}`;
    const [whole, closing, name, attributes, selfClosing] = match;
    if (/&(?!#\d+;)/.test(attributes!)) return `a bare & in ${whole}`;
    if (closing === "/") {
      const last = open.pop();
      if (last !== name) return `</${name}> closes <${last}>`;
    } else if (selfClosing === "" && !VOID.has(name!)) open.push(name!);
    at = next + whole.length;
  }
  return open.length > 0 ? `<${open.at(-1)}> is not closed` : undefined;
}
