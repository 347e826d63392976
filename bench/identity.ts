import { createAuthority, createDevice, type Identity } from "../lib/identity/mod.ts";

/** A fresh device with an authority of its own. */
export async function createIdentity(): Promise<Identity> {
  return await createDevice("bench", await createAuthority("bench"));
}
