import { SignallingError } from "./signalling_error.ts";

/** Containers within containers: message, list, or options map. One more for what may come. */
const MAX_DEPTH = 4;
/** Elements of one array or map. */
const MAX_ELEMENTS = 64;

/**
 * Walks one msgpack value without building anything, so that what is decoded afterwards is known to
 * be whole, shallow and small.
 *
 * @throws {SignallingError} `malformed` with the offset: cut short, bytes left over, too deep, too
 *   many elements, or a type that signalling does not use (floats, extensions)
 */
export function checkMsgpackBounds(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** For each open container, how many values it still wants. */
  const open: number[] = [1];
  let at = 0;

  const fail = (why: string): never => {
    throw new SignallingError("malformed", `${why} at offset ${at}`, { offset: at });
  };
  const skip = (length: number): void => {
    if (length > bytes.length - at) fail("cut short");
    at += length;
  };
  const length = (size: 1 | 2 | 4): number => {
    if (size > bytes.length - at) fail("cut short");
    const value = size === 1
      ? view.getUint8(at)
      : size === 2
      ? view.getUint16(at)
      : view.getUint32(at);
    at += size;
    return value;
  };
  const enter = (elements: number, valuesEach: 1 | 2): void => {
    if (elements > MAX_ELEMENTS) fail("too many elements");
    if (open.length > MAX_DEPTH) fail("nested too deeply");
    open.push(elements * valuesEach);
  };

  while (open.length > 0) {
    if (open.at(-1) === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]!--;
    const type = length(1);
    if (type <= 0x7f || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) continue;
    if (type <= 0x8f) enter(type & 0x0f, 2);
    else if (type <= 0x9f) enter(type & 0x0f, 1);
    else if (type <= 0xbf) skip(type & 0x1f);
    else if (type === 0xc4 || type === 0xd9) skip(length(1));
    else if (type === 0xc5 || type === 0xda) skip(length(2));
    else if (type === 0xc6 || type === 0xdb) skip(length(4));
    else if (type >= 0xcc && type <= 0xcf) skip(1 << (type - 0xcc));
    else if (type >= 0xd0 && type <= 0xd3) skip(1 << (type - 0xd0));
    else if (type === 0xdc || type === 0xdd) enter(length(type === 0xdc ? 2 : 4), 1);
    else if (type === 0xde || type === 0xdf) enter(length(type === 0xde ? 2 : 4), 2);
    else fail("a type that is not used");
  }
  if (at !== bytes.length) fail("bytes left over");
}
