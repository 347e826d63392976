import { hkdfSync } from "node:crypto";

/** What the Noise handshake yields, seen from one side. */
export interface SessionKeys {
  /** Key of what this side sends: 32 bytes. */
  readonly send: Uint8Array;
  /** Key of what this side receives: 32 bytes. */
  readonly receive: Uint8Array;
  /** Channel binding (Noise rev 34 §11.2): 32 bytes, salt of every key derived here. */
  readonly handshakeHash: Uint8Array;
}

/** Data records under one key: 2^16 records of at most 128 KiB are 8 GiB. */
export const RECORDS_PER_KEY = 1 << 16;

const DATA_LABEL = "dhtnet session 1 data";
const CONTROL_LABEL = "dhtnet session 1 control";
const REKEY_LABEL = "dhtnet session 1 rekey";
const DATAGRAM_LABEL = "dhtnet session 1 datagram";
const KEY_BYTES = 32;
const NO_SALT = new Uint8Array(0);

/**
 * Keys of one direction. The data key is replaced by a one-way function of itself every
 * {@link RECORDS_PER_KEY} records; both sides see it from the counter, so no message is needed.
 */
export class RecordKeys {
  /** Key of control records. */
  readonly control: Uint8Array;
  #data: Uint8Array;
  #epoch = 0;

  /** @param secret the direction's key from the handshake; @param handshakeHash the salt */
  constructor(secret: Uint8Array, handshakeHash: Uint8Array) {
    this.#data = derive(secret, handshakeHash, DATA_LABEL);
    this.control = derive(secret, handshakeHash, CONTROL_LABEL);
  }

  /** The key of data record `counter`; counters are asked for in order. */
  data(counter: number): Uint8Array {
    const epoch = Math.floor(counter / RECORDS_PER_KEY);
    while (this.#epoch < epoch) {
      const next = derive(this.#data, NO_SALT, REKEY_LABEL);
      this.#data.fill(0);
      this.#data = next;
      this.#epoch++;
    }
    return this.#data;
  }
}

/** The key of one direction's datagrams. @param secret the direction's key from the handshake */
export function datagramKey(secret: Uint8Array, handshakeHash: Uint8Array): Uint8Array {
  return derive(secret, handshakeHash, DATAGRAM_LABEL);
}

/** HKDF (RFC 5869) with SHA-256. */
function derive(secret: Uint8Array, salt: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, salt, label, KEY_BYTES));
}
