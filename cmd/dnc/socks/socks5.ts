/**
 * SOCKS version 5 (RFC 1928), the server's side of what comes before the payload. No I/O: bytes in,
 * replies and the request out.
 *
 * ```
 *  greeting ── offers "no authentication" ──▶ request ── CONNECT ──▶ over: a request
 *     │ anything else                            │ anything else
 *     └──────────────▶ over: refused ◀───────────┘
 * ```
 *
 * @module
 */
import { formatIp } from "../../../lib/ip/mod.ts";

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const NO_ACCEPTABLE_METHOD = 0xff;
const CONNECT = 1;
const ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4;

/** What the reply to a request says (§6). */
export const SocksReply = {
  succeeded: 0,
  failure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;

/** What is to be done after some bytes. */
export type SocksStep =
  | {
    /** Send the reply, wait for more bytes. */
    readonly kind: "more";
    readonly reply: Uint8Array;
  }
  | {
    /** Send the reply, and close. */
    readonly kind: "refused";
    readonly reply: Uint8Array;
  }
  | {
    /** Send the reply, connect, and send {@linkcode encodeReply}. */
    readonly kind: "request";
    readonly reply: Uint8Array;
    /** IP address in canonical form, or a name as it came; it may be any text. */
    readonly host: string;
    /** 0 to 65535. */
    readonly port: number;
    /** What came after the request already. */
    readonly rest: Uint8Array;
  };

/** The beginning of one connection. Bytes that make no sense are answered, never thrown at. */
export class SocksHandshake {
  #state: "greeting" | "request" | "over" = "greeting";
  #pending: Uint8Array = new Uint8Array(0);

  /** What to do after the next bytes; after `refused` and `request` there must be none. */
  push(bytes: Uint8Array): SocksStep {
    if (this.#state === "over") throw new TypeError("the handshake is over");
    this.#pending = concat(this.#pending, bytes);
    let reply: Uint8Array = new Uint8Array(0);
    if (this.#state === "greeting") {
      const accepted = this.#greeting();
      if (accepted === undefined) return { kind: "more", reply };
      reply = Uint8Array.of(VERSION, accepted ? NO_AUTHENTICATION : NO_ACCEPTABLE_METHOD);
      if (!accepted) return this.#refuse(reply);
      this.#state = "request";
    }
    return this.#request(reply);
  }

  /** Whether the greeting is acceptable; undefined while it is not there as a whole. */
  #greeting(): boolean | undefined {
    const [version, count] = this.#pending;
    if (version === undefined) return undefined;
    if (version !== VERSION) return false;
    if (count === undefined || this.#pending.length < 2 + count) return undefined;
    const methods = this.#pending.subarray(2, 2 + count);
    this.#pending = this.#pending.subarray(2 + count);
    return methods.includes(NO_AUTHENTICATION);
  }

  #request(reply: Uint8Array): SocksStep {
    const [version, command, , type, first] = this.#pending;
    const refuse = (code: number) => this.#refuse(concat(reply, encodeReply(code)));
    if (version !== undefined && version !== VERSION) return refuse(SocksReply.failure);
    if (command !== undefined && command !== CONNECT) {
      return refuse(SocksReply.commandNotSupported);
    }
    const length = type === ADDRESS_IPV4
      ? 4
      : type === ADDRESS_IPV6
      ? 16
      : type === ADDRESS_NAME
      ? first
      : undefined;
    if (length === undefined) {
      return type === undefined || type === ADDRESS_NAME
        ? { kind: "more", reply }
        : refuse(SocksReply.addressTypeNotSupported);
    }
    const at = type === ADDRESS_NAME ? 5 : 4;
    const end = at + length + 2;
    if (this.#pending.length < end) return { kind: "more", reply };
    this.#state = "over";
    const address = this.#pending.subarray(at, at + length);
    return {
      kind: "request",
      reply,
      host: type === ADDRESS_NAME ? new TextDecoder().decode(address) : formatIp(address),
      port: this.#pending[end - 2]! << 8 | this.#pending[end - 1]!,
      rest: this.#pending.subarray(end),
    };
  }

  #refuse(reply: Uint8Array): SocksStep {
    this.#state = "over";
    return { kind: "refused", reply };
  }
}

/** The reply to a request (§6); the address in it is of no use to anybody and stays zero. */
export function encodeReply(code: number): Uint8Array {
  return Uint8Array.of(VERSION, code, 0, ADDRESS_IPV4, 0, 0, 0, 0, 0, 0);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
