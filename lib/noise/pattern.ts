import { NoiseError } from "./noise_error.ts";

/**
 * One step of a handshake message (Noise rev 34 §7.1, psk: §9.2). `e` and `s` send a public key, the
 * pairs mix a shared secret in (initiator's key first), `psk` mixes a pre-shared key in. `e1` sends
 * an encapsulation key, `ekem1` a ciphertext for it and mixes its secret in ("Noise Hybrid Forward
 * Secrecy", a draft of the Noise project).
 */
export type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk" | "e1" | "ekem1";

/** A handshake pattern: what each side knows beforehand, and the tokens of each message. */
export interface HandshakePattern {
  /** The pattern's part of the protocol name, modifiers included: `IK`, `XXpsk3`. */
  readonly name: string;
  /** Whose static public key the other side knows before the first message. */
  readonly known: { readonly initiator: boolean; readonly responder: boolean };
  /** The messages in order; the initiator sends the first, then they take turns. */
  readonly messages: readonly (readonly Token[])[];
}

interface PatternRow {
  readonly known?: readonly ("initiator" | "responder")[];
  readonly messages: readonly (readonly Token[])[];
}

/** The interactive patterns of Noise rev 34 §7.5 for which this project holds published vectors. */
const PATTERNS: Readonly<Record<string, PatternRow>> = {
  NN: { messages: [["e"], ["e", "ee"]] },
  NK: { known: ["responder"], messages: [["e", "es"], ["e", "ee"]] },
  KK: {
    known: ["initiator", "responder"],
    messages: [["e", "es", "ss"], ["e", "ee", "se"]],
  },
  XK: { known: ["responder"], messages: [["e", "es"], ["e", "ee"], ["s", "se"]] },
  XX: { messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
  IK: { known: ["responder"], messages: [["e", "es", "s", "ss"], ["e", "ee", "se"]] },
  IX: { messages: [["e", "s"], ["e", "ee", "se", "s", "es"]] },
};

const MODIFIER = "(?:psk\\d|hfs)";
const NAME = new RegExp(`^([A-Z]\\d?[A-Z]\\d?)(${MODIFIER}(?:\\+${MODIFIER})*)?$`);
const DH_TOKENS: readonly (Token | undefined)[] = ["ee", "es", "se", "ss"];

/**
 * Finds a pattern by name and applies its modifiers; several are joined by `+`. `psk0` puts the token
 * before the first message's tokens, `pskN` after those of message N (Noise rev 34 §9.4). `hfs` puts
 * `e1` after the first `e` and the Diffie-Hellman step that follows it, if one does, and `ekem1` after
 * the first `ee`.
 *
 * @throws {NoiseError} `protocol-name` when the pattern or a modifier is unknown
 *
 * @example
 * ```ts
 * import { handshakePattern } from "@dhtnet/dhtnet/noise";
 * import assert from "node:assert/strict";
 * assert.deepEqual(handshakePattern("IKpsk2").messages[1], ["e", "ee", "se", "psk"]);
 * assert.deepEqual(handshakePattern("IKhfs").messages[1], ["e", "ee", "ekem1", "se"]);
 * ```
 */
export function handshakePattern(name: string): HandshakePattern {
  const parts = NAME.exec(name);
  const row = parts === null
    ? undefined
    : Object.hasOwn(PATTERNS, parts[1]!) && PATTERNS[parts[1]!];
  if (!row) throw new NoiseError("protocol-name", `unsupported handshake pattern ${name}`);
  const messages = row.messages.map((tokens) => [...tokens]);
  const modifiers = parts![2]?.split("+") ?? [];
  for (const modifier of new Set(modifiers)) {
    if (modifier === "hfs") {
      addHybridTokens(messages);
      continue;
    }
    const place = Number(modifier.slice("psk".length));
    const message = messages[Math.max(place - 1, 0)];
    if (message === undefined) {
      throw new NoiseError("protocol-name", `${name} has no message for ${modifier}`);
    }
    if (place === 0) message.unshift("psk");
    else message.push("psk");
  }
  if (new Set(modifiers).size !== modifiers.length) {
    throw new NoiseError("protocol-name", `${name} repeats a modifier`);
  }
  const known = row.known ?? [];
  return {
    name,
    known: { initiator: known.includes("initiator"), responder: known.includes("responder") },
    messages,
  };
}

/** All our patterns begin with an `e`, and have an `ee`. */
function addHybridTokens(messages: Token[][]): void {
  const [first] = messages as [Token[]];
  const e = first.indexOf("e");
  first.splice(DH_TOKENS.includes(first[e + 1]) ? e + 2 : e + 1, 0, "e1");
  const answer = messages.find((tokens) => tokens.includes("ee"))!;
  answer.splice(answer.indexOf("ee") + 1, 0, "ekem1");
}

/** Whether a pre-shared key takes part: `e` keys the cipher then, too (Noise rev 34 §9.2). */
export function usesPsk({ messages }: HandshakePattern): boolean {
  return messages.some((tokens) => tokens.includes("psk"));
}
