/**
 * Finds a router's control URL: SSDP, description, and a first question.
 *
 * ```
 *  idle ──start──▶ searching ──answer──▶ describing ──services──▶ asking ──address──▶ found
 *                      │  ▲                   │                     │
 *                      │  └── next location ──┴─────────────────────┘
 *                      └── SEARCH_TIMEOUT_MS ──▶ failed
 * ```
 * @module
 */
import { isIp } from "../ip/mod.ts";
import { usableExternalIp } from "./external_address.ts";
import type { HttpCalls } from "./http_calls.ts";
import { type ConnectionService, parseDescription, urlOnHost } from "./igd_description.ts";
import type { Transmit } from "./lease.ts";
import { callService } from "./soap_call.ts";
import {
  encodeSearchRequest,
  GATEWAY_DEVICE_TYPES,
  SSDP_GROUP,
  SSDP_PORT,
  type SsdpResponse,
} from "./ssdp_message.ts";

/** When searches are sent, in milliseconds from the first: SSDP is unreliable by design. */
export const SEARCH_AT_MS: readonly number[] = [0, 500, 1500];
/** How long answers are awaited, in milliseconds: MX of the last search and a little more. */
export const SEARCH_TIMEOUT_MS = 3_000;
/** The most locations that we look at in one search. */
const MAX_LOCATIONS = 4;

/** A router that maps ports. */
export interface FoundGateway {
  /** Where it takes orders. */
  readonly service: ConnectionService;
  /** Its external address. */
  readonly externalIp: string;
}

/** One search for an Internet gateway device at one address. */
export class IgdSearch {
  readonly #gateway: string;
  readonly #send: (transmit: Transmit) => void;
  readonly #calls: HttpCalls;
  readonly #onEnd: (found: FoundGateway | undefined, reason: string, now: number) => void;
  readonly #locations: string[] = [];
  readonly #startedAt: number;
  #sent = 0;
  #next = 0;
  #working = false;
  #ended = false;
  #reason = "no answer";

  /** Starts at once. @param onEnd is called once */
  constructor(o: {
    readonly gateway: string;
    readonly send: (transmit: Transmit) => void;
    readonly calls: HttpCalls;
    readonly onEnd: (found: FoundGateway | undefined, reason: string, now: number) => void;
    readonly now: number;
  }) {
    this.#gateway = o.gateway;
    this.#send = o.send;
    this.#calls = o.calls;
    this.#onEnd = o.onEnd;
    this.#startedAt = o.now;
    this.handleTimeout(o.now);
  }

  /** Sends what is due; ends when it is time. */
  handleTimeout(now: number): void {
    if (this.#ended) return;
    const elapsed = now - this.#startedAt;
    while (this.#sent < SEARCH_AT_MS.length && elapsed >= SEARCH_AT_MS[this.#sent]!) {
      this.#sent++;
      if (this.#locations.length === 0) this.#search();
    }
    if (elapsed >= SEARCH_TIMEOUT_MS && !this.#working) this.#end(undefined, now);
  }

  /** When {@linkcode IgdSearch.handleTimeout} wants to be called. */
  pollTimeout(): number | undefined {
    const after = SEARCH_AT_MS[this.#sent];
    if (this.#ended) return undefined;
    if (after !== undefined) return this.#startedAt + after;
    return this.#working ? undefined : this.#startedAt + SEARCH_TIMEOUT_MS;
  }

  /**
   * An answer from the gateway's address.
   *
   * @returns false when it is of no use
   */
  handleResponse({ searchTarget, location }: SsdpResponse, now: number): boolean {
    if (this.#ended || !GATEWAY_DEVICE_TYPES.includes(searchTarget)) return false;
    const url = urlOnHost(location, undefined, this.#gateway);
    if (url === undefined) {
      this.#reason = "its description is on another host";
      return false;
    }
    if (this.#locations.includes(url) || this.#locations.length >= MAX_LOCATIONS) return true;
    this.#locations.push(url);
    if (!this.#working) this.#describe(now);
    return true;
  }

  #search(): void {
    // to its own address first: no wait of up to MX seconds, and it passes where multicast does not
    for (const ip of [this.#gateway, SSDP_GROUP]) {
      for (const type of GATEWAY_DEVICE_TYPES) {
        this.#send({ to: { ip, port: SSDP_PORT }, bytes: encodeSearchRequest(type, ip) });
      }
    }
  }

  #describe(now: number): void {
    const location = this.#locations[this.#next++];
    this.#working = location !== undefined;
    if (location === undefined) {
      if (now - this.#startedAt >= SEARCH_TIMEOUT_MS) this.#end(undefined, now);
      return;
    }
    this.#calls.start({ method: "GET", url: location, headers: [], body: "" }, (response, now) => {
      let services: ConnectionService[] = [];
      this.#reason = "its description cannot be had";
      if (response?.status === 200) {
        try {
          services = parseDescription(response.body, location, this.#gateway);
          this.#reason = "no service that maps ports";
        } catch { // not XML: as good as none
        }
      }
      this.#askServices(services, now);
    });
  }

  /** The first service with an external address is the connected one. */
  #askServices([service, ...others]: ConnectionService[], now: number): void {
    if (service === undefined) return this.#describe(now);
    callService(this.#calls, service, "GetExternalIPAddress", [], (result, now) => {
      const ip = result?.kind === "result" && result.values.get("NewExternalIPAddress") || "";
      const externalIp = parseUsableIp(ip);
      if (externalIp !== undefined) return this.#end({ service, externalIp }, now);
      this.#reason = "it tells no usable external address";
      this.#askServices(others, now);
    });
  }

  #end(found: FoundGateway | undefined, now: number): void {
    this.#ended = true;
    this.#onEnd(found, this.#reason, now);
  }
}

/** A router's text as a usable external IPv4 address, else undefined. */
export function parseUsableIp(text: string): string | undefined {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && isIp(text) ? usableExternalIp(text) : undefined;
}
