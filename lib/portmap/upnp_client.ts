/**
 * UPnP Internet Gateway Device, versions 1 and 2, at one gateway.
 *
 * ```
 *  unknown ──probe──▶ probing ──found──▶ available ──no answer to a check──▶ probing
 *                        └──not found──▶ unavailable
 * ```
 *
 * A mapping has at most one call under way; a removal asked for meanwhile follows it.
 * @module
 */
import type { HttpCalls } from "./http_calls.ts";
import type { ConnectionService } from "./igd_description.ts";
import { IgdSearch, parseUsableIp } from "./igd_search.ts";
import type { Lease, ProtocolClient, ProtocolObserver, Transmit } from "./lease.ts";
import type { Availability } from "./protocol.ts";
import { callService } from "./soap_call.ts";
import type { SsdpResponse } from "./ssdp_message.ts";
import { type Quirks, requestUpnpMapping } from "./upnp_mapping_request.ts";

interface Entry {
  lease: Lease;
  /** The port that the router gave, while the mapping exists as far as we know. */
  externalPort: number | undefined;
  busy: boolean;
  releasing: boolean;
  forgotten: boolean;
}

/** The {@linkcode ProtocolClient} for UPnP. */
export class UpnpClient implements ProtocolClient {
  readonly protocol = "upnp";
  availability: Availability = "unknown";
  reason: string | undefined;
  readonly #o: {
    readonly gateway: string;
    readonly internalIp: string;
    readonly send: (transmit: Transmit) => void;
    readonly calls: HttpCalls;
    readonly random: (length: number) => Uint8Array;
    readonly observer: ProtocolObserver;
  };
  readonly #entries = new Map<number, Entry>();
  readonly #quirks: Quirks = { permanentOnly: false, noAddAny: false };
  #search: IgdSearch | undefined;
  #service: ConnectionService | undefined;
  #checking = false;

  /**
   * @param o.gateway its address, the only one that is believed
   * @param o.internalIp our address on its link
   */
  constructor(o: {
    readonly gateway: string;
    readonly internalIp: string;
    readonly send: (transmit: Transmit) => void;
    readonly calls: HttpCalls;
    readonly random: (length: number) => Uint8Array;
    readonly observer: ProtocolObserver;
  }) {
    this.#o = o;
  }

  probe(now: number): void {
    if (this.#search !== undefined) return;
    this.availability = "probing";
    const { gateway, send, calls } = this.#o;
    this.#search = new IgdSearch({
      gateway,
      send,
      calls,
      now,
      onEnd: (found, reason, now) => {
        this.#search = undefined;
        this.availability = found === undefined ? "unavailable" : "available";
        this.reason = found === undefined ? reason : undefined;
        this.#service = found?.service;
        this.#o.observer.onExternalIp(this.protocol, found?.externalIp, now);
        this.#o.observer.onAvailability(this.protocol, now);
      },
    });
  }

  check(_now: number): void {
    if (this.#service === undefined || this.#checking) return;
    this.#checking = true;
    callService(this.#o.calls, this.#service, "GetExternalIPAddress", [], (result, now) => {
      this.#checking = false;
      if (result === undefined) return this.probe(now); // restarted elsewhere, or gone
      const ip = result.kind === "result" ? result.values.get("NewExternalIPAddress") : undefined;
      this.#o.observer.onExternalIp(this.protocol, parseUsableIp(ip ?? ""), now);
    });
  }

  request(lease: Lease, now: number): void {
    const entry = this.#entry(lease);
    if (entry.busy) return;
    const service = this.#service, { observer } = this.#o;
    if (service === undefined) {
      this.#entries.delete(lease.id);
      return observer.onRefused(this.protocol, lease, { reason: "the router is gone" }, now);
    }
    entry.busy = true;
    const { calls, internalIp, random } = this.#o;
    requestUpnpMapping({
      calls,
      service,
      internalIp,
      lease,
      quirks: this.#quirks,
      random,
      onEnd: (outcome, now) => {
        entry.busy = false;
        const before = entry.externalPort;
        if ("grant" in outcome) {
          const { externalPort } = outcome.grant;
          entry.externalPort = externalPort;
          // the router gave another port than before: nobody else would remove the old one
          if (before !== undefined && before !== externalPort) {
            this.#delete(service, lease, before, () => {});
          }
        }
        if (entry.releasing || entry.forgotten) return this.#release(entry, now);
        if ("grant" in outcome) observer.onGranted(this.protocol, lease, outcome.grant, now);
        else observer.onRefused(this.protocol, lease, outcome.refusal, now);
      },
    });
  }

  release(lease: Lease, now: number): void {
    const entry = this.#entry(lease);
    entry.releasing = true;
    if (!entry.busy) this.#release(entry, now);
  }

  forget(lease: Lease): void {
    const entry = this.#entries.get(lease.id);
    if (entry === undefined) return;
    if (entry.busy) entry.forgotten = true; // what it may still be given has to be removed
    else this.#entries.delete(lease.id);
  }

  handleTimeout(now: number): void {
    this.#search?.handleTimeout(now);
  }

  pollTimeout(): number | undefined {
    return this.#search?.pollTimeout();
  }

  /** An answer to a search, from the gateway. False when it is of no use. */
  handleSearchResponse(response: SsdpResponse, now: number): boolean {
    return this.#search?.handleResponse(response, now) ?? false;
  }

  #entry(lease: Lease): Entry {
    let entry = this.#entries.get(lease.id);
    entry ??= { lease, externalPort: undefined, busy: false, releasing: false, forgotten: false };
    entry.lease = lease;
    entry.forgotten = false;
    this.#entries.set(lease.id, entry);
    return entry;
  }

  #release(entry: Entry, now: number): void {
    const { lease, externalPort, releasing } = entry, service = this.#service;
    this.#entries.delete(lease.id);
    const released = (now: number) => {
      if (releasing) this.#o.observer.onReleased(this.protocol, lease, now);
    };
    if (externalPort === undefined || service === undefined) return released(now);
    this.#delete(service, lease, externalPort, released);
  }

  #delete(
    service: ConnectionService,
    { transport }: Lease,
    externalPort: number,
    onDeleted: (now: number) => void,
  ): void {
    callService(this.#o.calls, service, "DeletePortMapping", [
      ["NewRemoteHost", ""],
      ["NewExternalPort", String(externalPort)],
      ["NewProtocol", transport.toUpperCase()],
    ], (_result, now) => onDeleted(now));
  }
}
