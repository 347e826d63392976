import { ProtocolError } from "./protocol_error.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a message in JSON, as an object without a prototype.
 *
 * @throws {ProtocolError} `message`, whatever the bytes
 */
export function parseObject(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(DECODER.decode(payload));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return Object.assign(Object.create(null), value);
    }
  } catch (cause) {
    throw new ProtocolError("message", "a message is no JSON", { cause });
  }
  throw new ProtocolError("message", "a message is no object");
}

/** Writes a message in JSON. */
export function encodeObject(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Whether a value may be a number of columns or rows. */
export function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 0xffff;
}
