import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import {
  decodeCertificate,
  decodeRevocationList,
  isOutdated,
  type KeyRotation,
  type RevocationList,
} from "../../lib/identity/mod.ts";
import { printableLine } from "../tool/log_line.ts";

/** Ms in a day. */
const DAY_MS = 24 * 60 * 60 * 1000;

/** What is shown of something: lines for people, an object for programs. */
export interface Description {
  readonly title: string;
  /** A label and its value each. */
  readonly fields: readonly (readonly [string, string])[];
  readonly json: Record<string, unknown>;
}

/**
 * What a certificate says.
 *
 * @throws {CertificateError}
 */
export function describeCertificate(der: Uint8Array, now: Date): Description {
  const certificate = decodeCertificate(der);
  const { id, subject, serialNumber, notBefore, notAfter, authority, pathLength } = certificate;
  // The platform's reader writes names in full, as openssl does.
  const native = new X509Certificate(Buffer.from(der));
  const issuer = native.issuer.replaceAll("\n", ", ");
  const keyUsage = certificate.keyUsage &&
    Object.entries(certificate.keyUsage).filter(([, may]) => may).map(([usage]) => usage);
  const limit = pathLength === undefined ? "" : `, with ${pathLength} other CAs below it at most`;
  return {
    title: `certificate of ${subject || "(no name)"}`,
    fields: [
      ["id", id],
      ["issuer", issuer],
      ["serial number", serialNumber],
      ["valid", `${day(notBefore)} to ${day(notAfter)}, ${remaining(notBefore, notAfter, now)}`],
      ["is a CA", authority ? `yes${limit}` : "no"],
      ["key usage", keyUsage?.join(", ") ?? "anything"],
      ["SHA-256", native.fingerprint256],
    ],
    json: {
      kind: "certificate",
      ...{ id, subject, issuer, serialNumber },
      notBefore: notBefore.toISOString(),
      notAfter: notAfter.toISOString(),
      authority,
      ...(pathLength === undefined ? {} : { pathLength }),
      ...(keyUsage === undefined ? {} : { keyUsage }),
      sha256: native.fingerprint256.replaceAll(":", "").toLowerCase(),
    },
  };
}

/**
 * What a revocation list says.
 *
 * @throws {CertificateError}
 */
export function describeRevocationList(der: Uint8Array, now: Date): Description {
  const list = decodeRevocationList(der);
  const next = list.nextUpdate === undefined ? "" : `, next by ${day(list.nextUpdate)}`;
  const late = isOutdated(list, now) ? ", OVERDUE" : "";
  const revocations = revocationsOf(list);
  return {
    title: `revocation list ${list.number ?? "(no number)"} of ${list.issuer || "(no name)"}`,
    fields: [
      ["made", `${day(list.thisUpdate)}${next}${late}`],
      ["revoked", revocations.length === 0 ? "nothing" : `${revocations.length}`],
      ...revocations.map(({ serialNumber, revokedAt, reason }) =>
        [`  ${revokedAt.slice(0, 10)}`, `${serialNumber}${reason ? ` ${reason}` : ""}`] as const
      ),
    ],
    json: {
      kind: "revocation list",
      issuer: list.issuer,
      ...(list.number === undefined ? {} : { number: list.number.toString() }),
      thisUpdate: list.thisUpdate.toISOString(),
      ...(list.nextUpdate === undefined ? {} : { nextUpdate: list.nextUpdate.toISOString() }),
      revocations,
    },
  };
}

/** What a statement says by which a key takes the place of another; its signatures hold. */
export function describeKeyRotation({ oldId, newId, rotatedAt }: KeyRotation): Description {
  return {
    title: "key rotation, signed by both keys",
    fields: [["old id", oldId], ["new id", newId], ["made", day(rotatedAt)]],
    json: { kind: "key rotation", oldId, newId, rotatedAt: rotatedAt.toISOString() },
  };
}

/** A description for people; whoever made the file chose the names in it. */
export function renderDescription({ title, fields }: Description): string {
  const width = Math.max(...fields.map(([label]) => label.length));
  const lines = fields.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  return [title, ...lines].map((line) => `${printableLine(line)}\n`).join("");
}

function revocationsOf({ revocations }: RevocationList) {
  return [...revocations.values()].map(({ serialNumber, revokedAt, reason }) => ({
    serialNumber,
    revokedAt: revokedAt.toISOString(),
    ...(reason === undefined ? {} : { reason }),
  }));
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function remaining(notBefore: Date, notAfter: Date, now: Date): string {
  if (now < notBefore) return "NOT YET";
  if (now > notAfter) return "EXPIRED";
  return `${Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS)} days left`;
}
