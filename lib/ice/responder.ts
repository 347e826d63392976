import { ErrorNumber, type StunMessage } from "../stun/mod.ts";
import type { Path } from "./candidate.ts";
import {
  type AcceptedRequest,
  encodeError,
  encodeSuccess,
  readRequest,
  readUsername,
} from "./check_message.ts";
import type { AgentContext } from "./context.ts";
import type { Generation } from "./generation.ts";

/** An authentic request that has been answered. */
export interface AnsweredRequest {
  /** The generation that the request is for. */
  readonly generation: Generation;
  /** The sender's ufrag. */
  readonly from: string;
  readonly request: AcceptedRequest;
}

/**
 * Answers a Binding request, with success or an error (RFC 8445 §7.3).
 *
 * @param size bytes of the request: an error response is never larger, lest it serve as a
 * reflector that amplifies
 * @returns undefined when it was refused
 */
export function answerRequest(
  context: AgentContext,
  generations: readonly Generation[],
  message: StunMessage,
  size: number,
  path: Path,
): AnsweredRequest | undefined {
  const id = message.transactionId;
  const refuse = (response: Uint8Array): undefined => {
    context.stats.requestsRefused++;
    if (response.length <= size) context.transmit(path, response);
  };
  const username = readUsername(message);
  if (!username) return refuse(encodeError(id, ErrorNumber.BadRequest));
  const generation = generations.find(({ local }) => local.ufrag === username.to);
  if (!generation) return refuse(encodeError(id, ErrorNumber.Unauthenticated));
  const { pwd } = generation.local;
  const verdict = readRequest(message, pwd, context.role);
  if (!("accepted" in verdict)) return refuse(verdict.response);
  const request = verdict.accepted;
  context.stats.requestsReceived++;
  if (request.roleVerdict === "switched") context.roleChanged();
  if (request.nominate && generation.contradicts(path)) {
    return refuse(encodeError(id, ErrorNumber.BadRequest, pwd));
  }
  context.transmit(path, encodeSuccess(id, path.remote, pwd));
  return { generation, from: username.from, request };
}
