/** An AEAD with records: the shape of the session layer's. */
export interface LibcryptoAead {
  /** Seals `plaintext` and writes ciphertext and tag at `offset` of `into`. */
  seal(
    key: Uint8Array,
    counter: number,
    aad: Uint8Array,
    plaintext: Uint8Array,
    into: Uint8Array,
    offset: number,
  ): void;
  /** Opens ciphertext followed by its tag; `undefined` when it is not authentic. */
  open(
    key: Uint8Array,
    counter: number,
    aad: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
}

const TAG_BYTES = 16;
// <openssl/evp.h>
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;

/** The library's name, for the system to look for where anything may be loaded. */
const LIBRARY = "libcrypto.so.3";
/** Where Linux distributions have it: what a tool may be allowed to load, and nothing beside it. */
export const LIBCRYPTO_PATHS: readonly string[] = [
  "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
  "/usr/lib/aarch64-linux-gnu/libcrypto.so.3",
  "/usr/lib64/libcrypto.so.3",
  "/usr/lib/libcrypto.so.3",
];

/** What the RFC 8439 §2.8.2 key, a part of its data and a counter yield, by another implementation. */
const KNOWN_COUNTER = 0x0706_0504;
const KNOWN_ANSWER = "3dfa5ed5bb5c3451653bef1f24de9f712610b87057fa";

/**
 * ChaCha20-Poly1305 of the system's OpenSSL 3, by way of `Deno.dlopen`: ciphertext is written where it
 * is wanted, and a call allocates nothing. Measured against `node:crypto` of Deno 2.9: 1.3 to 1.5 GB/s
 * against 0.4 to 0.6 for records of 64 and 128 KiB, 17 µs against 36 for a small one now and then.
 *
 * @returns undefined where there is no such library, no permission for it (nobody is asked for one), or
 *   one that computes something else
 */
export function libcryptoAead(): LibcryptoAead | undefined {
  for (const path of [LIBRARY, ...LIBCRYPTO_PATHS]) {
    try {
      const aead = mayLoad(path) ? load(path) : undefined;
      if (aead !== undefined && isSound(aead)) return aead;
    } catch { // not here
    }
  }
  return undefined;
}

/** A bare name is looked for by the system: that takes the right to load anything. */
function mayLoad(path: string): boolean {
  const scope = path === LIBRARY ? {} : { path };
  return Deno.permissions.querySync({ name: "ffi", ...scope }).state === "granted";
}

function load(path: string): LibcryptoAead {
  const { symbols } = Deno.dlopen(path, {
    EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
    EVP_chacha20_poly1305: { parameters: [], result: "pointer" },
    EVP_CipherInit_ex: {
      parameters: ["pointer", "pointer", "pointer", "buffer", "buffer", "i32"],
      result: "i32",
    },
    EVP_CipherUpdate: {
      parameters: ["pointer", "buffer", "buffer", "buffer", "i32"],
      result: "i32",
    },
    EVP_CipherFinal_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
    EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "buffer"], result: "i32" },
  });
  const context = symbols.EVP_CIPHER_CTX_new();
  const cipher = symbols.EVP_chacha20_poly1305();
  if (context === null || cipher === null) throw new Error("OpenSSL has no ChaCha20-Poly1305");
  const nonce = new Uint8Array(12);
  const nonceView = new DataView(nonce.buffer);
  const length = new Uint8Array(4);
  const rest = new Uint8Array(TAG_BYTES);
  const begin = (key: Uint8Array, counter: number, aad: Uint8Array, encrypt: 0 | 1): boolean => {
    // As in Noise: four zero bytes, then the counter, little-endian (Noise rev 34 §12.3).
    nonceView.setUint32(4, counter >>> 0, true);
    nonceView.setUint32(8, Math.floor(counter / 2 ** 32), true);
    return symbols.EVP_CipherInit_ex(context, cipher, null, ffi(key), nonce, encrypt) === 1 &&
      symbols.EVP_CipherUpdate(context, null, length, ffi(aad), aad.length) === 1;
  };
  const finish = (): boolean => symbols.EVP_CipherFinal_ex(context, rest, length) === 1;
  return {
    seal(key, counter, aad, plaintext, into, offset) {
      const end = offset + plaintext.length;
      const tag = into.subarray(end, end + TAG_BYTES);
      // OpenSSL knows no bounds.
      if (tag.length < TAG_BYTES) throw new RangeError("no room for ciphertext and tag");
      const target = ffi(into.subarray(offset, end));
      const done = begin(key, counter, aad, 1) &&
        symbols.EVP_CipherUpdate(context, target, length, ffi(plaintext), plaintext.length) === 1 &&
        finish() &&
        symbols.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, ffi(tag)) === 1;
      if (!done) throw new Error("OpenSSL cannot seal");
    },
    open(key, counter, aad, sealed) {
      const size = sealed.length - TAG_BYTES;
      if (size < 0) return undefined;
      const plaintext = new Uint8Array(size);
      const tag = ffi(sealed.subarray(size));
      const done = begin(key, counter, aad, 0) &&
        symbols.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) === 1 &&
        symbols.EVP_CipherUpdate(context, plaintext, length, ffi(sealed), size) === 1 && finish();
      return done ? plaintext : undefined;
    },
  };
}

/** Whether it computes what it should, and notices what is forged. */
function isSound(aead: LibcryptoAead): boolean {
  const key = Uint8Array.from({ length: 32 }, (_, index) => 0x80 + index);
  const aad = Uint8Array.of(0x50, 0x51, 0x52);
  const text = new TextEncoder().encode("Ladies");
  const sealed = new Uint8Array(text.length + TAG_BYTES);
  aead.seal(key, KNOWN_COUNTER, aad, text, sealed, 0);
  const hex = [...sealed].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const opened = aead.open(key, KNOWN_COUNTER, aad, sealed);
  sealed[0]! ^= 1;
  const forged = aead.open(key, KNOWN_COUNTER, aad, sealed);
  return hex === KNOWN_ANSWER && opened?.join() === text.join() && forged === undefined;
}

/** Memory that the foreign function may see: never shared between threads here. */
function ffi(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
