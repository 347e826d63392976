import * as asn1js from "asn1js";
import * as pkijs from "pkijs";
import { generateSecretKey, publicKeyOf, sign } from "../../lib/identity/mod.ts";

/** A certificate of any form, sound or not, with the key that belongs to it. */
export interface Crafted {
  der: Uint8Array;
  secretKey: Uint8Array;
  name: string;
}

/** How a crafted certificate differs from a plain device certificate. */
export interface CraftOptions {
  secretKey?: Uint8Array;
  name?: string;
  issuer?: Crafted;
  issuerName?: string;
  notBefore?: Date;
  notAfter?: Date;
  authority?: boolean;
  pathLength?: number;
  /** First octet of the key usage extension. */
  usage?: number;
  extra?: { oid: string; critical: boolean; value?: Uint8Array }[];
  /** Octets of the serial number. */
  serialNumber?: Uint8Array;
  version?: number;
  algorithm?: string;
  innerAlgorithm?: string;
  signature?: Uint8Array;
}

/** Makes a certificate exactly as told, without asking whether it is sensible. */
export function craft(options: CraftOptions = {}): Crafted {
  const secretKey = options.secretKey ?? generateSecretKey();
  const name = options.name ?? "crafted";
  const algorithmId = options.algorithm ?? "1.3.101.112";
  const certificate = new pkijs.Certificate({
    version: options.version ?? 2,
    serialNumber: new asn1js.Integer({
      valueHex: (options.serialNumber ?? Uint8Array.of(7)).slice().buffer,
    }),
    signature: new pkijs.AlgorithmIdentifier({
      algorithmId: options.innerAlgorithm ?? algorithmId,
    }),
    issuer: commonName(options.issuerName ?? options.issuer?.name ?? name),
    notBefore: new pkijs.Time({ value: options.notBefore ?? new Date("2026-01-01T00:00:00Z") }),
    notAfter: new pkijs.Time({ value: options.notAfter ?? new Date("2036-01-01T00:00:00Z") }),
    subject: commonName(name),
    signatureAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId }),
  });
  certificate.subjectPublicKeyInfo = new pkijs.PublicKeyInfo({
    algorithm: new pkijs.AlgorithmIdentifier({ algorithmId: "1.3.101.112" }),
    subjectPublicKey: new asn1js.BitString({ valueHex: publicKeyOf(secretKey).slice().buffer }),
  });
  if ((options.version ?? 2) === 2) certificate.extensions = extensions(options);
  const signed = new Uint8Array(certificate.encodeTBS().toBER());
  certificate.tbsView = signed;
  const signature = options.signature ?? sign(options.issuer?.secretKey ?? secretKey, signed);
  certificate.signatureValue = new asn1js.BitString({ valueHex: signature.slice().buffer });
  return { der: new Uint8Array(certificate.toSchema().toBER()), secretKey, name };
}

function extensions(options: CraftOptions): pkijs.Extension[] {
  const list: pkijs.Extension[] = [];
  const add = (extnID: string, critical: boolean, extnValue: ArrayBuffer) =>
    list.push(new pkijs.Extension({ extnID, critical, extnValue }));
  if (options.authority !== undefined) {
    const constraints = new pkijs.BasicConstraints({
      cA: options.authority,
      ...(options.pathLength === undefined ? {} : { pathLenConstraint: options.pathLength }),
    });
    add("2.5.29.19", true, constraints.toSchema().toBER());
  }
  if (options.usage !== undefined) {
    const bits = new asn1js.BitString({ valueHex: new Uint8Array([options.usage]).buffer });
    add("2.5.29.15", true, bits.toBER());
  }
  for (const { oid, critical, value } of options.extra ?? []) {
    add(oid, critical, value?.slice().buffer ?? new asn1js.Null().toBER());
  }
  return list;
}

function commonName(value: string): pkijs.RelativeDistinguishedNames {
  return new pkijs.RelativeDistinguishedNames({
    typesAndValues: [
      new pkijs.AttributeTypeAndValue({
        type: "2.5.4.3",
        value: new asn1js.Utf8String({ value }),
      }),
    ],
  });
}
