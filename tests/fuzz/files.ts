import { ConfigError, parseYaml } from "../../lib/config/mod.ts";
import {
  CertificateError,
  createAuthority,
  createDevice,
  createRevocationList,
  decodeCertificatePem,
  decodeKeyPem,
  decodeRevocationList,
  encodePem,
  encodePkcs8,
  IdentityError,
  verifyChain,
} from "../../lib/identity/mod.ts";
import { decoder, type FuzzTarget } from "./target.ts";

const text = (content: string) => new TextEncoder().encode(content);
const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const YAML = `# a comment
bootstrap: [a.example:4222, "b.example"]
turn_host: &relay turn.example
anonymous: false
authorized_services:
  - {ip: 127.0.0.1, port: 22, allow: [*relay]}
  - ip: ::1
    port: 0x50
text: |
  several
  lines
`;

/** The decoders of certificates, revocation lists, keys and configuration. */
export async function fileDecoders(): Promise<readonly FuzzTarget[]> {
  const authority = await createAuthority("fuzz");
  const { chain } = await createDevice("device", authority);
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
    decoder("YAML", [text(YAML)], (bytes) => parseYaml("fuzz.yaml", utf8(bytes)), ConfigError),
  ];
}
