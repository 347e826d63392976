import { RECORD_AEAD } from "./aead.ts";
import { RECORD_TAG_BYTES } from "./record.ts";
import type { RecordAead } from "./record_aead.ts";

/** The longest text, bytes, that goes to the implementation for small ones. */
const SMALL_BYTES = 1 << 10;
/** So many small records, and loading it (2 ms) is worth while: hardly any setting-up has as many. */
const RECORDS_BEFORE_LOADING = 24;

let smallRecords = 0;
let small: RecordAead | undefined;

/** ChaCha20-Poly1305 by whichever implementation is quickest for as much text. */
export const SIZED_AEAD: RecordAead = {
  seal(key, counter, aad, plaintext, into, offset) {
    aeadFor(plaintext.length).seal(key, counter, aad, plaintext, into, offset);
  },
  open(key, counter, aad, sealed) {
    return aeadFor(sealed.length - RECORD_TAG_BYTES).open(key, counter, aad, sealed);
  },
};

function aeadFor(textBytes: number): RecordAead {
  if (textBytes > SMALL_BYTES) return RECORD_AEAD;
  if (++smallRecords === RECORDS_BEFORE_LOADING) loadSmall();
  return small ?? RECORD_AEAD;
}

/** Records go on meanwhile, and where it cannot be had. */
async function loadSmall(): Promise<void> {
  try {
    small = (await import("./small_record_aead.ts")).smallRecordAead();
  } catch { // no WebAssembly, or none with vectors
  }
}
