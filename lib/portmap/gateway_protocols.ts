import { ipFamily, type SocketAddress } from "../ip/mod.ts";
import { HttpCalls } from "./http_calls.ts";
import type { ProtocolClient, ProtocolObserver, Transmit } from "./lease.ts";
import { decodeNatPmpResponse, NatPmpResult, PORT_MAPPING_SERVER_PORT } from "./nat_pmp_message.ts";
import { NatPmpClient } from "./nat_pmp_client.ts";
import { PcpClient } from "./pcp_client.ts";
import { decodePcpResponse, PCP_VERSION, PcpResult } from "./pcp_message.ts";
import { PORT_MAPPING_PROTOCOLS, type PortMappingProtocol } from "./protocol.ts";
import { decodeSearchResponse } from "./ssdp_message.ts";
import { UpnpClient } from "./upnp_client.ts";

/** Where a gateway is, and how to ask it. */
export interface GatewayProtocolsOptions {
  /** The router's address on our link, canonical: nobody else is believed. */
  readonly gateway: string;
  /** Our address on that link, to which ports are mapped. */
  readonly local: string;
  /** Secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  /** Which protocols to use; all when absent. IPv6 has PCP only. */
  readonly protocols?: readonly PortMappingProtocol[];
  /** UDP port of the NAT-PMP and PCP server; 5351 when absent. */
  readonly serverPort?: number;
}

/** The protocols at one gateway: hands each what is for it, and drops what is for none. */
export class GatewayProtocols {
  /** In order of preference. */
  readonly clients: readonly ProtocolClient[];
  /** Datagrams to be sent. */
  readonly transmits: Transmit[] = [];
  /** HTTP requests to be carried out. */
  readonly calls: HttpCalls = new HttpCalls();
  /** Datagrams and answers that were ignored. */
  dropped = 0;
  readonly #gateway: string;
  readonly #serverPort: number;
  readonly #pcp: PcpClient | undefined;
  readonly #natPmp: NatPmpClient | undefined;
  readonly #upnp: UpnpClient | undefined;

  constructor(options: GatewayProtocolsOptions, observer: ProtocolObserver) {
    const { gateway, local, random } = options;
    this.#gateway = gateway;
    this.#serverPort = options.serverPort ?? PORT_MAPPING_SERVER_PORT;
    const send = (bytes: Uint8Array) => {
      this.transmits.push({ to: { ip: gateway, port: this.#serverPort }, bytes });
    };
    const wanted = (protocol: PortMappingProtocol) =>
      (options.protocols ?? PORT_MAPPING_PROTOCOLS).includes(protocol) &&
      (protocol === "pcp" || ipFamily(gateway) === 4);
    const common = { random, observer };
    if (wanted("pcp")) this.#pcp = new PcpClient({ ...common, send, client: local });
    if (wanted("nat-pmp")) this.#natPmp = new NatPmpClient({ ...common, send });
    if (wanted("upnp")) {
      const search = (transmit: Transmit) => void this.transmits.push(transmit);
      const calls = this.calls;
      this.#upnp = new UpnpClient({ ...common, gateway, internalIp: local, send: search, calls });
    }
    this.clients = [this.#pcp, this.#natPmp, this.#upnp].filter((client) => client !== undefined);
  }

  /** The client of one protocol. */
  client(protocol: PortMappingProtocol | undefined): ProtocolClient | undefined {
    return this.clients.find((client) => client.protocol === protocol);
  }

  /** A datagram to the socket that sends what {@linkcode GatewayProtocols.transmits} has. */
  handleDatagram(bytes: Uint8Array, from: SocketAddress, now: number): void {
    if (from.ip !== this.#gateway) this.dropped++;
    else if (from.port === this.#serverPort) this.#handleServer(bytes, false, now);
    else {
      const response = this.#decoded(() => decodeSearchResponse(bytes));
      if (response && !this.#upnp?.handleSearchResponse(response, now)) this.dropped++;
    }
  }

  /** A datagram to the announcement port. */
  handleAnnouncement(bytes: Uint8Array, from: SocketAddress, now: number): void {
    if (from.ip !== this.#gateway || from.port !== this.#serverPort) this.dropped++;
    else this.#handleServer(bytes, true, now);
  }

  #handleServer(bytes: Uint8Array, announced: boolean, now: number): void {
    if (bytes[0] === 0) {
      const response = this.#decoded(() => decodeNatPmpResponse(bytes));
      // a NAT-PMP server's word about PCP's version (RFC 6886 §3.5, RFC 6887 §9)
      if (response?.result === NatPmpResult.UNSUPPORTED_VERSION) this.#pcp?.handleOtherVersion(now);
      else if (response && !this.#natPmp?.handleResponse(response, announced, now)) this.dropped++;
      return;
    }
    const response = this.#decoded(() => decodePcpResponse(bytes));
    if (response?.result !== PcpResult.UNSUPP_VERSION) {
      if (response && !this.#pcp?.handleResponse(response, announced, now)) this.dropped++;
    } else if (response.version === PCP_VERSION) this.#natPmp?.handleOtherVersion(now);
    else this.#pcp?.handleOtherVersion(now);
  }

  #decoded<T>(decode: () => T): T | undefined {
    try {
      return decode();
    } catch { // decoders throw PortmapDecodeError only: a datagram that is not for us
      this.dropped++;
      return undefined;
    }
  }
}
