/**
 * Who a device is: Ed25519 keys, ids, X.509 certificates and their chains, and the PEM files that
 * hold them.
 *
 * @module
 */
export * from "./certificate.ts";
export * from "./certificate_error.ts";
export type { CertificateExtensions } from "./certificate_extensions.ts";
export * from "./certificate_file.ts";
export * from "./create_certificate.ts";
export * from "./create_revocation_list.ts";
export * from "./decode_revocation_list.ts";
export * from "./ed25519.ts";
export { MAX_PBKDF2_ITERATIONS } from "./encrypted_key_codec.ts";
export * from "./encrypted_pkcs8.ts";
export * from "./id.ts";
export * from "./identity.ts";
export * from "./identity_directory.ts";
export * from "./identity_error.ts";
export * from "./key_file.ts";
export * from "./key_rotation.ts";
export * from "./key_rotation_file.ts";
export * from "./pem.ts";
export * from "./pkcs8.ts";
export * from "./revocation_list.ts";
export * from "./revocation_list_file.ts";
export { SECRET_KEY_BYTES } from "./secret_key.ts";
export { formatSerialNumber } from "./serial_number.ts";
export * from "./trust_policy.ts";
export * from "./validity.ts";
export * from "./verify_chain.ts";
export * from "./verify_revocation_list.ts";
export * from "./x25519.ts";
