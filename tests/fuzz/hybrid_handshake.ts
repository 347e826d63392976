/** The handshake's two messages as they come from a stranger, and what ML-KEM is given of them. */
import assert from "node:assert/strict";
import { bytesToHex } from "@noble/hashes/utils.js";
import {
  type EncapsulationKeyPair,
  generateKeyPair,
  HandshakeState,
  type KeyEncapsulation,
  ML_KEM_768,
  NoiseError,
} from "../../lib/noise/mod.ts";
import { pureKeyPair, pureMlKem768 } from "../../lib/noise/pure_ml_kem_768.ts";
import { seededRandom } from "../support/seeded_random.ts";
import type { FuzzTarget } from "./target.ts";

const PROTOCOL = "Noise_IKhfs_25519+MLKEM768_ChaChaPoly_SHA256";
const random = seededRandom("fuzz hybrid");

/** What becomes of bytes: the code of the error that is documented, or what they yield. */
async function outcome<T>(action: () => T | Promise<T>): Promise<T | string> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof NoiseError) return error.code;
    throw error;
  }
}

/** Both messages of a handshake, and the two mechanisms that must be of one mind about keys. */
export async function hybridHandshake(): Promise<readonly FuzzTarget[]> {
  const [alice, bob] = [generateKeyPair(random), generateKeyPair(random)];
  const keys = pureKeyPair(random), pure = pureMlKem768(random);
  const common = { protocolName: PROTOCOL, random };
  const responder = () => new HandshakeState({ ...common, initiator: false, s: bob });
  const initiator = new HandshakeState({
    ...common,
    initiator: true,
    s: alice,
    rs: bob.publicKey,
    e1: keys.publicKey,
  });
  const request = initiator.writeMessage(random(100));
  const answering = responder();
  answering.readMessage(request);
  const encapsulation = await pure.encapsulate(answering.remoteEncapsulationKey!);
  const answer = answering.writeMessage(random(100), encapsulation);
  const sound = new Set([request, answer].map(bytesToHex));

  const target = (
    name: string,
    sample: Uint8Array,
    read: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>,
  ): FuzzTarget => ({
    name,
    samples: [sample],
    start: () => ({
      async take(bytes) {
        const accepted = typeof await outcome(() => read(bytes)) !== "string";
        assert.equal(accepted, sound.has(bytesToHex(bytes)), "what nobody wrote is not accepted");
      },
    }),
  });
  return [
    target("handshake request", request, (bytes) => responder().readMessage(bytes)),
    target("handshake answer", answer, async (bytes) => {
      const secret = await keys.decapsulate(initiator.readCiphertext(bytes));
      return initiator.clone().readMessage(bytes, secret);
    }),
    encapsulationKey([pure, ML_KEM_768], keys.publicKey),
    ciphertext([keys, await ML_KEM_768.generateKeyPair()], encapsulation.ciphertext),
  ];
}

function encapsulationKey(mechanisms: KeyEncapsulation[], sample: Uint8Array): FuzzTarget {
  return {
    name: "encapsulation key",
    samples: [sample],
    start: () => ({
      async take(bytes) {
        const [one, other] = await Promise.all(
          mechanisms.map((kem) => outcome(() => kem.encapsulate(bytes))),
        );
        assert.equal(typeof one, typeof other, "both take it for a key, or none does");
      },
    }),
  };
}

function ciphertext(owners: EncapsulationKeyPair[], sample: Uint8Array): FuzzTarget {
  return {
    name: "KEM ciphertext",
    samples: [sample],
    start: () => ({
      async take(bytes) {
        for (const owner of owners) {
          const secret = await outcome(() => owner.decapsulate(bytes));
          const isSecret = typeof secret !== "string" && secret.length === 32;
          assert.equal(isSecret, bytes.length === sample.length, "any 1,088 bytes yield a secret");
        }
      },
    }),
  };
}
