import { createAuthority, createDevice, type Identity } from "../../lib/identity/mod.ts";
import { seededRandom } from "./seeded_random.ts";

/** When the certificates are made; they are valid for years around it. */
export const THROWAWAY_NOW = new Date("2026-01-01T00:00:00Z");

let authority: Promise<Identity> | undefined;
const devices = new Map<string, Promise<Identity>>();

/** The one CA that signs all throw-away devices of this process. */
export function throwawayAuthority(): Promise<Identity> {
  authority ??= createAuthority("throw-away CA", {
    secretKey: seededRandom("throw-away CA")(32),
    now: THROWAWAY_NOW,
  });
  return authority;
}

/**
 * A device with a chain of two certificates, always the same key for the same name: a test says
 * `await throwawayIdentity("alice")`. Some milliseconds the first time, then none.
 */
export function throwawayIdentity(name: string): Promise<Identity> {
  const made = devices.get(name) ?? throwawayAuthority().then((ca) =>
    createDevice(name, ca, {
      secretKey: seededRandom(`throw-away device ${name}`)(32),
      now: THROWAWAY_NOW,
    })
  );
  devices.set(name, made);
  return made;
}

/** Two devices, the one with the greater id first: that whose dial stands in a tie. */
export async function throwawayPair(): Promise<[greater: Identity, lesser: Identity]> {
  const [a, b] = [await throwawayIdentity("alice"), await throwawayIdentity("bob")];
  return a.id > b.id ? [a, b] : [b, a];
}
