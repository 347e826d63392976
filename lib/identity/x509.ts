/** The ASN.1 and X.509 libraries, which take some 30 ms to load. */
export interface X509Modules {
  /** ASN.1 types and their DER form. */
  readonly asn1js: typeof import("asn1js");
  /** X.509 structures. */
  readonly pkijs: typeof import("pkijs");
}

/** Object identifiers (RFC 8410 §3, RFC 5280 §4.2.1, X.520). */
export const OID = {
  ed25519: "1.3.101.112",
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
} as const;

/** Bits of the first octet of KeyUsage (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const;

let modules: Promise<X509Modules> | undefined;

/** Loads the libraries at the first call. */
export function loadX509(): Promise<X509Modules> {
  modules ??= Promise.all([import("asn1js"), import("pkijs")])
    .then(([asn1js, pkijs]) => ({ asn1js, pkijs }));
  return modules;
}

/**
 * Loads the X.509 libraries ahead of their use, so that the first {@linkcode verifyChain} does not
 * wait for them. Call it when there is a moment, for example while the DHT is starting.
 */
export async function preloadX509(): Promise<void> {
  await loadX509();
}
