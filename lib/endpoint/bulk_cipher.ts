import { libcryptoAead } from "../net/libcrypto_aead.ts";
import { useRecordAead } from "../session/mod.ts";

/** Bytes that go to a pipe, or come from it, at once, when a session carries bulk data. */
const BULK_BYTES = 32 << 10;

let isQuick = false;

/**
 * Has the records of all sessions sealed and opened by the system's OpenSSL once a session carries bulk
 * data: three times as fast as what the runtime brings, but it takes milliseconds to load, which a
 * short connection would feel. Without permission for it nothing changes.
 *
 * @param bytes how many a pipe has taken, or given, at once
 */
export function quickenBulk(bytes: number): void {
  if (isQuick || bytes < BULK_BYTES) return;
  isQuick = true;
  const aead = libcryptoAead();
  if (aead !== undefined) useRecordAead(aead);
}
