import { encodeObject, parseObject } from "../../protocol/json_message.ts";
import { ProtocolError } from "../../protocol/protocol_error.ts";
import { isCount, isSha256 } from "./count.ts";
import { MAX_ENTRIES } from "./tree_entry.ts";

/**
 * What a receiver says to an entry that is a file:
 * - `have`: it is there already;
 * - `want`: all of it is wanted;
 * - `resume`: it has a beginning; if that has the hash, the rest is wanted;
 * - `failed`: it cannot be stored, a note says why; also said while it is being sent.
 */
export type Answer =
  | { readonly index: number; readonly kind: "have" | "want" | "failed" }
  | {
    readonly index: number;
    readonly kind: "resume";
    /** Bytes that are there. */
    readonly offset: number;
    /** SHA-256 of them, in hex. */
    readonly sha256: string;
  };

/** Payload of `answers`. */
export function encodeAnswers(answers: readonly Answer[]): Uint8Array {
  return encodeObject({
    answers: answers.map((answer) =>
      answer.kind === "resume"
        ? [answer.index, answer.kind, answer.offset, answer.sha256]
        : [answer.index, answer.kind]
    ),
  });
}

/**
 * Reads `answers`.
 *
 * @throws {ProtocolError} `message`, whatever the bytes
 */
export function decodeAnswers(payload: Uint8Array): Answer[] {
  const { answers } = parseObject(payload);
  if (Array.isArray(answers) && answers.length <= MAX_ENTRIES) return answers.map(decodeAnswer);
  throw new ProtocolError("message", `answers are no list of at most ${MAX_ENTRIES}`);
}

function decodeAnswer(answer: unknown): Answer {
  const [index, kind, offset, sha256] = Array.isArray(answer) ? answer : [];
  if (isCount(index)) {
    if (kind === "have" || kind === "want" || kind === "failed") return { index, kind };
    if (kind === "resume" && isCount(offset) && isSha256(sha256)) {
      return { index, kind, offset, sha256 };
    }
  }
  throw new ProtocolError("message", "an answer is none");
}
