import type { SocketAddress } from "../ip/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  ErrorCode,
  ErrorNumber,
  IceControlled,
  IceControlling,
  isStun,
  Method,
  Priority,
  shortTermKey,
  type StunMessage,
  UnknownAttributes,
  UseCandidate,
  Username,
  XorMappedAddress,
} from "../stun/mod.ts";
import type { IceCredentials } from "./credentials.ts";
import type { Role, RoleVerdict } from "./role.ts";

/** Comprehension-required attributes that a check may carry. */
const KNOWN_IN_REQUEST = new Set([Username.type, Priority.type, UseCandidate.type]);
/** MAPPED-ADDRESS (0x0001) is understood in the sense that it may be there. */
const KNOWN_IN_RESPONSE = new Set([XorMappedAddress.type, ErrorCode.type, 0x0001, 0x000a]);
/** The attributes that {@linkcode readRequest} decodes: a malformed one makes the request bad. */
const READ_FROM_REQUEST = [Username, Priority, UseCandidate, IceControlled, IceControlling];

/** What goes into a connectivity check (RFC 8445 §7.1). */
export interface CheckRequest {
  readonly id: Uint8Array;
  readonly local: IceCredentials;
  readonly remote: IceCredentials;
  readonly priority: number;
  readonly role: Role;
  readonly nominate: boolean;
}

/** A Binding request: short-term credentials, FINGERPRINT, role, PRIORITY (RFC 8445 §7.2.4). */
export function encodeCheck(check: CheckRequest): Uint8Array {
  const { id, local, remote, priority, role, nominate } = check;
  const message = encodeMessage("request", Method.Binding, id)
    .add(Username, `${remote.ufrag}:${local.ufrag}`)
    .add(Priority, priority)
    .add(role.controlling ? IceControlling : IceControlled, role.tieBreaker);
  if (nominate) message.add(UseCandidate, true);
  return message.addIntegrity(shortTermKey(remote.pwd)).addFingerprint().finish();
}

/** A Binding success response (RFC 8445 §7.3.1.2). */
export function encodeSuccess(id: Uint8Array, mapped: SocketAddress, pwd: string): Uint8Array {
  return encodeMessage("success", Method.Binding, id).add(XorMappedAddress, mapped)
    .addIntegrity(shortTermKey(pwd)).addFingerprint().finish();
}

/** A Binding error response; authenticated when the request was (RFC 8489 §9.1.4). */
export function encodeError(
  id: Uint8Array,
  code: number,
  pwd?: string,
  unknown?: readonly number[],
): Uint8Array {
  const message = encodeMessage("error", Method.Binding, id).add(ErrorCode, { code, reason: "" });
  if (unknown) message.add(UnknownAttributes, unknown);
  if (pwd !== undefined) message.addIntegrity(shortTermKey(pwd));
  return message.addFingerprint().finish();
}

/** A keepalive without credentials (RFC 8445 §11). */
export function encodeIndication(id: Uint8Array): Uint8Array {
  return encodeMessage("indication", Method.Binding, id).addFingerprint().finish();
}

/**
 * A Binding message with a good FINGERPRINT, which every check and answer carries (RFC 8445
 * §7.1, §7.3). Undefined for anything else.
 */
export function readBinding(bytes: Uint8Array): StunMessage | undefined {
  if (!isStun(bytes)) return undefined;
  try {
    const message = decodeMessage(bytes);
    if (message.method !== Method.Binding || message.checkFingerprint() !== "valid") {
      return undefined;
    }
    return message;
  } catch {
    return undefined;
  }
}

/** The two halves of a request's USERNAME; undefined when it has no such form. */
export function readUsername(message: StunMessage): { to: string; from: string } | undefined {
  try {
    const parts = message.get(Username)?.split(":");
    return parts?.length === 2 ? { to: parts[0]!, from: parts[1]! } : undefined;
  } catch {
    return undefined;
  }
}

/** An authenticated request that deserves a success response. */
export interface AcceptedRequest {
  readonly priority: number;
  readonly nominate: boolean;
  readonly roleVerdict: RoleVerdict;
}

/** Either what to go on with, or an error response to send back. */
export type RequestVerdict =
  | { readonly accepted: AcceptedRequest }
  | { readonly code: number; readonly response: Uint8Array };

/**
 * Authenticates and reads a request in the order of RFC 8489 §9.1.3 and §6.3.1, then RFC 8445
 * §7.3.1.1. May switch the role.
 */
export function readRequest(message: StunMessage, pwd: string, role: Role): RequestVerdict {
  const { transactionId: id } = message;
  const refuse = (code: number, key?: string, unknown?: readonly number[]): RequestVerdict => ({
    code,
    response: encodeError(id, code, key, unknown),
  });
  const integrity = message.checkIntegrity(shortTermKey(pwd));
  if (integrity === "absent") return refuse(ErrorNumber.BadRequest);
  if (integrity === "invalid") return refuse(ErrorNumber.Unauthenticated);
  const unknown = message.unknownRequired(KNOWN_IN_REQUEST);
  if (unknown.length > 0) return refuse(ErrorNumber.UnknownAttribute, pwd, unknown);
  if (!isReadable(message)) return refuse(ErrorNumber.BadRequest, pwd);
  const priority = message.get(Priority);
  if (priority === undefined || priority < 1) return refuse(ErrorNumber.BadRequest, pwd);
  const roleVerdict = role.judge(message);
  if (roleVerdict === "conflict") return refuse(ErrorNumber.RoleConflict, pwd);
  const nominate = message.get(UseCandidate) === true && !role.controlling;
  return { accepted: { priority: Math.min(priority, 2 ** 31 - 1), nominate, roleVerdict } };
}

function isReadable(message: StunMessage): boolean {
  try {
    for (const codec of READ_FROM_REQUEST) message.get<unknown>(codec);
    return true;
  } catch {
    return false;
  }
}

/** What a response says. */
export type ResponseVerdict =
  /** Not from the peer: to be treated as if it had never come (RFC 8489 §9.1.4). */
  | { readonly kind: "unauthenticated"; readonly code?: number }
  /** Success; the peer saw our request come from here. */
  | { readonly kind: "success"; readonly mapped: SocketAddress }
  | { readonly kind: "error"; readonly code: number }
  /** Authentic, but it makes no sense. */
  | { readonly kind: "malformed" };

/** Authenticates and reads a response to a check. */
export function readResponse(message: StunMessage, pwd: string): ResponseVerdict {
  const code = errorCode(message);
  if (message.checkIntegrity(shortTermKey(pwd)) !== "valid") {
    return code === undefined ? { kind: "unauthenticated" } : { kind: "unauthenticated", code };
  }
  if (message.unknownRequired(KNOWN_IN_RESPONSE).length > 0) return { kind: "malformed" };
  if (message.messageClass === "error") {
    return code === undefined ? { kind: "malformed" } : { kind: "error", code };
  }
  try {
    const mapped = message.get(XorMappedAddress);
    return mapped ? { kind: "success", mapped } : { kind: "malformed" };
  } catch {
    return { kind: "malformed" };
  }
}

function errorCode(message: StunMessage): number | undefined {
  try {
    return message.messageClass === "error" ? message.get(ErrorCode)?.code : undefined;
  } catch {
    return undefined;
  }
}
