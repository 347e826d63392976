import { createCipheriv, pbkdf2Sync } from "node:crypto";
import { decodePeers } from "../../cmd/peer/peer_names.ts";
import { ConfigError, parseYaml } from "../../lib/config/mod.ts";
import {
  AES_BLOCK_BYTES,
  AES_KEY_BYTES,
  decodeEncryptedKey,
  encodeEncryptedKey,
} from "../../lib/identity/encrypted_key_codec.ts";
import {
  CertificateError,
  createAuthority,
  createDevice,
  createKeyRotation,
  createRevocationList,
  decodeCertificatePem,
  decodeKeyPem,
  decodeKeyRotation,
  decodeRevocationList,
  decodeRevocationListPem,
  decryptPkcs8,
  encodePem,
  encodePkcs8,
  encodeRevocationListPem,
  IdentityError,
  verifyChain,
} from "../../lib/identity/mod.ts";
import { decoder, type FuzzTarget } from "./target.ts";

const text = (content: string) => new TextEncoder().encode(content);
const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Several short texts: what is slow to parse is not worth a repetition in each input. */
const YAML = [
  '# a comment\nbootstrap: [a.example:4222, "b.example"]\nport: 0x50\n',
  "turn_host: &relay turn.example\nallow: [*relay]\nanonymous: false\n",
  "authorized_services:\n  - {ip: 127.0.0.1, port: 22}\n  - ip: ::1\n    port: 80\n",
  "text: |\n  several\n  lines\nfolded: >-\n  one\n  line\n",
  "? 'complex': \"\\u0041\"\n: !!str 5\n",
];

const ID = "ab".repeat(32);
const PEERS = [
  `home: ${ID}\n`,
  `office: { id: ${ID}, bootstrap: dht.example.org }\n`,
  `two: { id: ${ID}, bootstrap: [a.example, "b.example:4222"] }\n`,
];

/** More rounds of PBKDF2 are no finding: each is bounded, and they would be all that a run does. */
const MOST_ROUNDS = 100;

/** An encrypted key that takes next to no time. */
function encryptedKey(secretKey: Uint8Array, iterations: number): Uint8Array {
  const [salt, iv] = [new Uint8Array(16), new Uint8Array(AES_BLOCK_BYTES)];
  const key = pbkdf2Sync("fuzz", salt, iterations, AES_KEY_BYTES, "sha256");
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  const ciphertext = new Uint8Array([...cipher.update(encodePkcs8(secretKey)), ...cipher.final()]);
  return encodeEncryptedKey({ salt, iterations, iv, ciphertext });
}

/** The decoders of certificates, revocation lists, keys and configuration. */
export async function fileDecoders(): Promise<readonly FuzzTarget[]> {
  const authority = await createAuthority("fuzz");
  const { chain, secretKey } = await createDevice("device", authority);
  const now = new Date();
  const list = await createRevocationList(authority, [{ serialNumber: "1234", revokedAt: now }], {
    number: 7n,
    now,
    nextUpdate: new Date(now.getTime() + 86_400_000),
  });
  return [
    decoder(
      "certificate",
      chain,
      (der) => verifyChain([der, ...chain.slice(1)], now),
      CertificateError,
    ),
    decoder("revocation list", [list], decodeRevocationList, CertificateError),
    decoder(
      "certificates in PEM",
      [text(chain.map((der) => encodePem("CERTIFICATE", der)).join(""))],
      (bytes) => decodeCertificatePem(utf8(bytes)),
      IdentityError,
    ),
    decoder(
      "key in PEM",
      [text(encodePem("PRIVATE KEY", encodePkcs8(authority.secretKey)))],
      (bytes) => decodeKeyPem(utf8(bytes)),
      IdentityError,
    ),
    decoder(
      "encrypted key",
      [encryptedKey(authority.secretKey, 2)],
      (der) =>
        decodeEncryptedKey(der).iterations <= MOST_ROUNDS ? decryptPkcs8(der, "fuzz") : undefined,
      IdentityError,
    ),
    decoder(
      "revocation lists in PEM",
      [text(encodeRevocationListPem(list))],
      (bytes) => decodeRevocationListPem(utf8(bytes)),
      IdentityError,
    ),
    decoder(
      "key rotation",
      [createKeyRotation(authority.secretKey, secretKey, now)],
      decodeKeyRotation,
      IdentityError,
    ),
    decoder("YAML", YAML.map(text), (bytes) => parseYaml("fuzz.yaml", utf8(bytes)), ConfigError),
    decoder(
      "peers.yaml",
      PEERS.map(text),
      (bytes) => decodePeers("peers.yaml", utf8(bytes)),
      ConfigError,
    ),
  ];
}
