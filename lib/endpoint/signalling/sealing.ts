import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import {
  type Identity,
  IdentityError,
  parseId,
  x25519PublicKey,
  x25519SecretKey,
} from "../../identity/mod.ts";
import { type Encapsulation, HandshakeState, type KeyPair, NoiseError } from "../../noise/mod.ts";
import { MAX_SEALED_BYTES, SIGNALLING_VERSION } from "./body.ts";
import { hasTag, outerTag, type RequestWay, TAG_LENGTH } from "./outer_tag.ts";
import { SignallingError } from "./signalling_error.ts";

/**
 * The handshake of the two signalling messages. Its keys follow from X25519 and ML-KEM-768 together:
 * who records them, and has a quantum computer later, does not get the session's. There is no other
 * protocol to fall back on.
 */
export const SIGNALLING_PROTOCOL = "Noise_IKhfs_25519+MLKEM768_ChaChaPoly_SHA256";
const PROLOGUE_LABELS: Record<RequestWay, string> = {
  carrier: "dhtnet signalling\0",
  door: "dhtnet door\0",
};

/**
 * What both sides hash in before the first message: the way that it takes, version, and the 32 bytes
 * of the listener's id. The id is there beside its X25519 key because two Ed25519 keys, differing in a
 * sign, map to the same X25519 key: a request for one of them does not open for the other. Nor does
 * one that was made for another way: somebody else may have brought it here.
 */
export function prologue(
  listenerId: string,
  version: number = SIGNALLING_VERSION,
  way: RequestWay = "carrier",
): Uint8Array {
  return concatBytes(
    utf8ToBytes(PROLOGUE_LABELS[way]),
    Uint8Array.of(version),
    parseId(listenerId),
  );
}

/** The X25519 key pair of a device's identity: its static key in the handshake. */
export function staticKey(identity: Identity): KeyPair {
  return {
    publicKey: x25519PublicKey(identity.publicKey),
    secretKey: x25519SecretKey(identity.secretKey),
  };
}

/**
 * The X25519 public key of an id.
 *
 * @throws {SignallingError} `identity` when the id is not that of a key
 */
export function staticPublicKey(id: string): Uint8Array {
  try {
    return x25519PublicKey(parseId(id));
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause;
    throw new SignallingError("identity", `${JSON.stringify(id)} is no device's id`, { cause });
  }
}

/** Version and tag. */
const HEAD_LENGTH = 1 + TAG_LENGTH;

/**
 * Makes a sealed message: the version in one byte of clear text, the tag of what follows, and the
 * Noise message.
 *
 * @param payload encoded, hence not too long
 * @param tagKey of this direction, see {@linkcode outerTag}
 * @param encapsulation for message 2
 * @throws {SignallingError} `identity` when the peer's key yields no shared secret
 */
export function seal(
  handshake: HandshakeState,
  payload: Uint8Array,
  tagKey: Uint8Array,
  encapsulation?: Encapsulation,
): Uint8Array {
  try {
    const message = handshake.writeMessage(payload, encapsulation);
    const tag = outerTag(tagKey, SIGNALLING_VERSION, message);
    return concatBytes(Uint8Array.of(SIGNALLING_VERSION), tag, message);
  } catch (cause) {
    if (!(cause instanceof NoiseError)) throw cause;
    throw new SignallingError("identity", `the peer's key is unusable: ${cause.message}`, {
      cause,
    });
  }
}

/**
 * Checks what costs no public-key operation: length, version and tag.
 *
 * @throws {SignallingError} `oversize`, `version`, `unreadable`
 */
export function checkOutside(sealed: Uint8Array, tagKey: Uint8Array): void {
  if (sealed.length > MAX_SEALED_BYTES) {
    throw new SignallingError("oversize", `${sealed.length} bytes, at most ${MAX_SEALED_BYTES}`);
  }
  if (sealed.length > 0 && sealed[0] !== SIGNALLING_VERSION) {
    throw new SignallingError(
      "version",
      `version ${sealed[0]} of the signalling format is not spoken here, but ${SIGNALLING_VERSION}`,
    );
  }
  const [tag, message] = [sealed.subarray(1, HEAD_LENGTH), sealed.subarray(HEAD_LENGTH)];
  if (tag.length < TAG_LENGTH || !hasTag(tagKey, SIGNALLING_VERSION, message, tag)) {
    throw new SignallingError("unreadable", "the message does not have the right tag");
  }
}

/**
 * The ciphertext in message 2, once {@linkcode checkOutside} has passed it. The handshake stays as it
 * was.
 *
 * @throws {SignallingError} `unreadable`
 */
export function openCiphertext(handshake: HandshakeState, sealed: Uint8Array): Uint8Array {
  return readable(() => handshake.readCiphertext(sealed.subarray(HEAD_LENGTH)));
}

/**
 * Opens a sealed message, once {@linkcode checkOutside} has passed it.
 *
 * @param sharedSecret what the ciphertext in message 2 holds
 * @throws {SignallingError} `unreadable`
 */
export function open(
  handshake: HandshakeState,
  sealed: Uint8Array,
  sharedSecret?: Uint8Array,
): Uint8Array {
  return readable(() => handshake.readMessage(sealed.subarray(HEAD_LENGTH), sharedSecret));
}

function readable<T>(step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** What a step of the handshake threw, as an error of ours. */
export function unreadable(cause: unknown): unknown {
  return cause instanceof NoiseError
    ? new SignallingError("unreadable", `the message does not open: ${cause.message}`, { cause })
    : cause;
}

/**
 * Refuses a message in an older version than both sides speak: the version byte is part of the
 * transcript, so only the sender can have lowered it, misled by someone who suppressed its first try.
 *
 * @param used the version of this message
 * @param theirs the highest version that its sender speaks, from its sealed body
 * @param ours the highest version that we speak
 * @throws {SignallingError} `downgrade`
 */
export function checkVersion(used: number, theirs: number, ours: number): void {
  if (used !== Math.min(theirs, ours)) {
    throw new SignallingError(
      "downgrade",
      `version ${used} where both sides speak ${Math.min(theirs, ours)}: a downgrade`,
    );
  }
}
