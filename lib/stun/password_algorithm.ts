import { type AttributeCodec, badAttribute, bytesCodec, viewOf } from "./attribute.ts";

/** How a long-term key is derived from the password (RFC 8489 §18.5). */
export interface PasswordAlgorithmValue {
  /** 1 is MD5, 2 is SHA-256. */
  readonly algorithm: number;
  /** Empty for both registered algorithms. */
  readonly parameters: Uint8Array;
}

/** Numbers of the IANA registry "STUN Password Algorithms". */
export const PasswordAlgorithmNumber = { Md5: 1, Sha256: 2 } as const;

/** USERHASH (RFC 8489 §14.4): SHA-256 of `username:realm`, instead of USERNAME. */
export const Userhash: AttributeCodec<Uint8Array> = bytesCodec(0x001e, "USERHASH", {
  min: 32,
  max: 32,
});

/** PASSWORD-ALGORITHM (RFC 8489 §14.12): the one that the client used. */
export const PasswordAlgorithm: AttributeCodec<PasswordAlgorithmValue> = {
  type: 0x001d,
  name: "PASSWORD-ALGORITHM",
  encode: (value) => PasswordAlgorithms.encode([value], new Uint8Array(0)),
  decode(attribute, transactionId) {
    const list = PasswordAlgorithms.decode(attribute, transactionId);
    if (list.length !== 1) throw badAttribute(attribute, "PASSWORD-ALGORITHM is not one algorithm");
    return list[0]!;
  },
};

/** PASSWORD-ALGORITHMS (RFC 8489 §14.11): those that the server takes, best first. */
export const PasswordAlgorithms: AttributeCodec<readonly PasswordAlgorithmValue[]> = {
  type: 0x8002,
  name: "PASSWORD-ALGORITHMS",
  encode(list) {
    const bytes = new Uint8Array(
      list.reduce((sum, { parameters }) => sum + 4 + padded(parameters.length), 0),
    );
    const view = new DataView(bytes.buffer);
    let offset = 0;
    for (const { algorithm, parameters } of list) {
      view.setUint16(offset, algorithm);
      view.setUint16(offset + 2, parameters.length);
      bytes.set(parameters, offset + 4);
      offset += 4 + padded(parameters.length);
    }
    return bytes;
  },
  decode(attribute) {
    const { value } = attribute;
    const view = viewOf(attribute);
    const list: PasswordAlgorithmValue[] = [];
    for (let offset = 0; offset < value.length;) {
      if (value.length - offset < 4) {
        throw badAttribute(attribute, "PASSWORD-ALGORITHMS is cut off");
      }
      const length = view.getUint16(offset + 2);
      if (offset + 4 + length > value.length) {
        throw badAttribute(attribute, "PASSWORD-ALGORITHMS is cut off");
      }
      const parameters = value.subarray(offset + 4, offset + 4 + length);
      list.push({ algorithm: view.getUint16(offset), parameters });
      offset += 4 + padded(length);
    }
    return list;
  },
};

function padded(length: number): number {
  return (length + 3) & ~3;
}
