/** The ASN.1 and X.509 libraries, which take some 25 ms to load. */
export interface X509Modules {
  /** ASN.1 types and their DER form. */
  readonly asn1js: typeof import("asn1js");
  /** X.509 structures. */
  readonly pkijs: typeof import("pkijs");
}

let modules: Promise<X509Modules> | undefined;

/** Loads the libraries at the first call: only to make certificates, not to read them. */
export function loadX509(): Promise<X509Modules> {
  modules ??= Promise.all([import("asn1js"), import("pkijs")])
    .then(([asn1js, pkijs]) => ({ asn1js, pkijs }));
  return modules;
}
