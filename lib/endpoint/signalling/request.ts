import { decodeMessage, encodeBody, MESSAGE_KIND, readBody, type SignallingBody } from "./body.ts";
import { SignallingError } from "./signalling_error.ts";

/**
 * The payload of handshake message 1.
 *
 * @throws {SignallingError} `malformed` when a field is not of the form
 */
export function encodeRequest(body: SignallingBody): Uint8Array {
  return encodeBody(MESSAGE_KIND.request, body);
}

/**
 * Reads the payload of handshake message 1, whatever its bytes.
 *
 * @throws {SignallingError} `malformed`
 */
export function decodeRequest(bytes: Uint8Array): SignallingBody {
  const [kind, fields] = decodeMessage(bytes);
  if (kind !== MESSAGE_KIND.request) {
    throw new SignallingError("malformed", `a message of kind ${kind} is no request`);
  }
  return readBody(fields);
}
