/**
 * One request for a mapping by UPnP, with what routers want it changed to.
 *
 * ```
 *          ┌── another port (718, 729) ───────┐
 *          ├── the same port (724) ───────────┤
 *  call ───┼── for ever (725, also 402, 501) ─┼──▶ call again ──▶ granted, or refused
 *          └── AddPortMapping (401, 602, …) ──┘
 * ```
 * @module
 */
import type { HttpCalls } from "./http_calls.ts";
import type { ConnectionService } from "./igd_description.ts";
import type { Grant, Lease, Refusal } from "./lease.ts";
import { callService } from "./soap_call.ts";
import { type SoapResult, UpnpError } from "./soap_message.ts";

/** The most calls for one mapping. */
export const MAX_CALLS = 8;
/** What a router's list of mappings shows. */
export const MAPPING_DESCRIPTION = "dhtnet";
/** Ports that we ask for in place of a taken one: the dynamic ones (RFC 6335 §6). */
const FIRST_DYNAMIC_PORT = 49_152, DYNAMIC_PORTS = 16_384;

/** What a router has been found to want; shared by all requests to it. */
export interface Quirks {
  /** Only mappings without end (error 725). */
  permanentOnly: boolean;
  /** No AddAnyPortMapping in spite of its service type. */
  noAddAny: boolean;
}

/** Asks for a mapping of our `internalIp`; `onEnd` is called once. */
export function requestUpnpMapping(o: {
  readonly calls: HttpCalls;
  readonly service: ConnectionService;
  readonly internalIp: string;
  readonly lease: Lease;
  readonly quirks: Quirks;
  readonly random: (length: number) => Uint8Array;
  readonly onEnd: (outcome: { grant: Grant } | { refusal: Refusal }, now: number) => void;
}): void {
  const { calls, service, internalIp, lease, quirks, random, onEnd } = o;
  let port = lease.suggested.port, permanent = quirks.permanentOnly, samePort = false;
  let count = 0;
  const call = () => {
    count++;
    const any = service.type.endsWith(":2") && !quirks.noAddAny;
    const lifetimeS = permanent ? 0 : lease.lifetimeS;
    const asked = port;
    callService(calls, service, any ? "AddAnyPortMapping" : "AddPortMapping", [
      ["NewRemoteHost", ""],
      ["NewExternalPort", String(asked)],
      ["NewProtocol", lease.transport.toUpperCase()],
      ["NewInternalPort", String(lease.internalPort)],
      ["NewInternalClient", internalIp],
      ["NewEnabled", "1"],
      ["NewPortMappingDescription", MAPPING_DESCRIPTION],
      ["NewLeaseDuration", String(lifetimeS)],
    ], (result, now) => {
      if (result?.kind === "result") {
        const externalPort = any ? reservedPort(result) : asked;
        if (externalPort === undefined) return refuse("a mapping without port", now);
        const granted = permanent ? Infinity : lease.lifetimeS;
        if (permanent) quirks.permanentOnly = true;
        return onEnd({ grant: { externalIp: undefined, externalPort, lifetimeS: granted } }, now);
      }
      if (result === undefined) return refuse("no answer", now);
      if (count < MAX_CALLS && adapt(result.code, any)) return call();
      refuse(`error ${result.code}, ${result.description}`, now);
    });
  };
  const refuse = (reason: string, now: number) => onEnd({ refusal: { reason } }, now);
  /** Whether another call, changed as the error asks, makes sense. */
  const adapt = (code: number, any: boolean): boolean => {
    switch (code) {
      case UpnpError.CONFLICT_IN_MAPPING_ENTRY:
      case UpnpError.CONFLICT_WITH_OTHER_MECHANISMS: {
        if (samePort) return false;
        const [high, low] = random(2);
        port = FIRST_DYNAMIC_PORT + (high! << 8 | low!) % DYNAMIC_PORTS;
        return true;
      }
      case UpnpError.SAME_PORT_VALUES_REQUIRED: {
        const different = port !== lease.internalPort;
        samePort = true;
        port = lease.internalPort;
        return different;
      }
      case UpnpError.INVALID_ACTION:
      case UpnpError.OPTIONAL_ACTION_NOT_IMPLEMENTED:
        quirks.noAddAny ||= any;
        return any;
      case UpnpError.ONLY_PERMANENT_LEASES_SUPPORTED:
      case UpnpError.INVALID_ARGS: // some routers say these where 725 is meant
      case UpnpError.ACTION_FAILED:
      case UpnpError.ARGUMENT_VALUE_INVALID:
      case UpnpError.ARGUMENT_VALUE_OUT_OF_RANGE: {
        const changed = !permanent;
        permanent = true;
        return changed;
      }
      default:
        return false;
    }
  };
  call();
}

function reservedPort(result: SoapResult & { kind: "result" }): number | undefined {
  const text = result.values.get("NewReservedPort") ?? "";
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}
