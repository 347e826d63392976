import { UsageError } from "../tool/exit_code.ts";
import { isEncrypted } from "./key_encryption.ts";

/**
 * Makes sure that a passphrase opens a key: one that does not may be meant for the new key, which
 * would be written in the clear.
 *
 * @param passFile of `--key-pass-file`; `DHTNET_KEY_PASS` may be set for other runs
 * @param keys paths of the private keys that are read
 * @throws {UsageError}, and what reading the keys throws
 */
export async function refuseIdlePassphrase(
  passFile: string | undefined,
  keys: readonly string[],
): Promise<void> {
  if (passFile === undefined) return;
  if ((await Promise.all(keys.map(isEncrypted))).includes(true)) return;
  throw new UsageError(
    "--key-pass-file has no meaning here: no key that is read is encrypted; " +
      "crtmgr encrypt puts a new one under a passphrase",
  );
}
