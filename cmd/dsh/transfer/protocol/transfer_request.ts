import { encodeObject, parseObject } from "../../protocol/json_message.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import { isName } from "./relative_path.ts";

/** Version of the protocol; a server declines what it does not know. */
const VERSION = 1;
/** Longest path at the server, characters. */
const MAX_PATH_CHARACTERS = 4096;

/** What a client wants to have copied. */
export interface TransferRequest {
  /** To the server, or from it. */
  readonly direction: "put" | "get";
  /** Path at the server, as its user has written it. */
  readonly path: string;
  /** Name of what is put, for a path that is a directory to put it into. */
  readonly name: string | undefined;
}

/** Payload of a `request`. */
export function encodeTransferRequest(request: TransferRequest): Uint8Array {
  return encodeObject({ version: VERSION, ...request });
}

/**
 * Reads a `request`.
 *
 * @throws {ProtocolError} `message`, whatever the bytes
 */
export function decodeTransferRequest(payload: Uint8Array): TransferRequest {
  const { version, direction, path, name } = parseObject(payload);
  if (version !== VERSION) {
    throw wrong(`version ${JSON.stringify(version)} is not known here, ${VERSION} is`);
  }
  if (direction !== "put" && direction !== "get") throw wrong("a transfer is a put or a get");
  const isPath = typeof path === "string" && path.length <= MAX_PATH_CHARACTERS &&
    path.isWellFormed() && !path.includes("\0");
  if (!isPath) throw wrong("the path is none");
  if (name === undefined || (typeof name === "string" && isName(name))) {
    return { direction, path, name };
  }
  throw wrong("the name is none");
}

function wrong(message: string): ProtocolError {
  return new ProtocolError("message", message);
}
