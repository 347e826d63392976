import {
  GatewayClient,
  type HttpRequest,
  type HttpResponse,
  type PortMappingProtocol,
} from "../../lib/portmap/mod.ts";
import { parseIp, type SocketAddress } from "../../lib/ip/mod.ts";
import { SeededRandom, SimulatedClock } from "../support/simulated_clock.ts";

export const GATEWAY = "192.168.1.1", LOCAL = "192.168.1.10";
export const SERVER: SocketAddress = { ip: GATEWAY, port: 5351 };
const SSDP: SocketAddress = { ip: GATEWAY, port: 1900 };

/** How the simulated router behaves; tests change it while it runs. */
export interface Behaviour {
  pcp: boolean;
  natPmp: boolean;
  upnp: 0 | 1 | 2;
  externalIp: string;
  /** Seconds. */
  epochS: (now: number) => number;
  /** Result code of mapping requests, PCP and NAT-PMP. */
  result: number;
  /** The lifetime given, from the one asked for, seconds. */
  lifetime: (askedS: number) => number;
  /** The port given, from the one asked for. */
  port: (asked: number) => number;
  /** A UPnP error code instead of success. */
  fault: (action: string, values: Map<string, string>) => number | undefined;
  /** Changes what is sent, or swallows it. */
  tamper: (bytes: Uint8Array) => Uint8Array | undefined;
  location: string;
  /** No answer to HTTP. */
  deaf: boolean;
}

/** A router with its mappings, as its kernel would have them. */
export class SimulatedRouter {
  readonly mappings = new Map<string, { internalPort: number; lifetimeS: number }>();
  readonly actions: string[] = [];
  readonly behaviour: Behaviour;

  constructor(behaviour: Partial<Behaviour>) {
    this.behaviour = {
      pcp: false,
      natPmp: false,
      upnp: 0,
      externalIp: "203.0.113.7",
      epochS: (now) => 1000 + Math.floor(now / 1000),
      result: 0,
      lifetime: (askedS) => askedS,
      port: (asked) => asked,
      fault: () => undefined,
      tamper: (bytes) => bytes,
      location: `http://${GATEWAY}:5000/root.xml`,
      deaf: false,
      ...behaviour,
    };
  }

  /** The answer to a datagram, if any. */
  answer(
    bytes: Uint8Array,
    to: SocketAddress,
    now: number,
  ): { bytes: Uint8Array; from: SocketAddress } | undefined {
    const answer = to.port === 5351 ? this.#server(bytes, now) : this.#search(bytes, to);
    const sent = answer && this.behaviour.tamper(answer);
    return sent && { bytes: sent, from: to.port === 5351 ? SERVER : SSDP };
  }

  #server(bytes: Uint8Array, now: number): Uint8Array | undefined {
    const { pcp, natPmp, epochS, externalIp } = this.behaviour;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (bytes[0] === 2) {
      if (pcp) return this.#pcp(bytes, view, now);
      // RFC 6886 §3.5: unsupported version
      return natPmp ? Uint8Array.of(0, 128, 0, 1, ...u32(epochS(now))) : undefined;
    }
    if (!natPmp) return undefined;
    const head = (
      opcode: number,
      result: number,
    ) => [0, 128 + opcode, 0, result, ...u32(epochS(now))];
    if (bytes[1] === 0) return Uint8Array.of(...head(0, 0), ...parseIp(externalIp));
    const { result } = this.behaviour, internal = view.getUint16(4);
    const granted = this.#map(
      bytes[1] === 1 ? "udp" : "tcp",
      internal,
      view.getUint16(6),
      view.getUint32(8),
    );
    return Uint8Array.of(
      ...head(bytes[1]!, result),
      ...u16(internal),
      ...u16(granted.port),
      ...u32(granted.lifetimeS),
    );
  }

  #pcp(bytes: Uint8Array, view: DataView, now: number): Uint8Array {
    const { result, epochS, externalIp } = this.behaviour, opcode = bytes[1]!;
    const head = (
      result: number,
      lifetimeS: number,
    ) => [
      2,
      128 + opcode,
      0,
      result,
      ...u32(lifetimeS),
      ...u32(epochS(now)),
      ...new Uint8Array(12),
    ];
    if (opcode === 0) return Uint8Array.from(head(0, 0));
    const internal = view.getUint16(40);
    const granted = this.#map(
      bytes[36] === 17 ? "udp" : "tcp",
      internal,
      view.getUint16(42),
      view.getUint32(4),
    );
    const external = parseIp(externalIp);
    const prefix = external.length === 16 ? [] : [...new Uint8Array(10), 255, 255];
    return Uint8Array.of(
      ...head(result, result === 0 ? granted.lifetimeS : 60),
      ...bytes.subarray(24, 42),
      ...u16(granted.port),
      ...prefix,
      ...external,
    );
  }

  #map(transport: string, internalPort: number, asked: number, askedS: number) {
    if (askedS === 0) {
      for (const [key, mapping] of this.mappings) {
        if (key.startsWith(transport) && mapping.internalPort === internalPort) {
          this.mappings.delete(key);
        }
      }
      return { port: 0, lifetimeS: 0 };
    }
    const port = this.behaviour.port(asked), lifetimeS = this.behaviour.lifetime(askedS);
    if (this.behaviour.result === 0) {
      this.mappings.set(`${transport} ${port}`, { internalPort, lifetimeS });
    }
    return { port, lifetimeS };
  }

  #search(bytes: Uint8Array, to: SocketAddress): Uint8Array | undefined {
    const target = /\nST: (\S+)/.exec(new TextDecoder().decode(bytes))?.[1] ?? "";
    const { upnp, location } = this.behaviour;
    if (upnp === 0 || to.ip !== GATEWAY || Number(target.slice(-1)) > upnp) return undefined;
    return text(`HTTP/1.1 200 OK\r\nST: ${target}\r\nLOCATION: ${location}\r\nEXT:\r\n\r\n`);
  }

  /** The answer to an HTTP request. */
  http({ method, url, body }: HttpRequest): HttpResponse | undefined {
    const { upnp, externalIp, fault, deaf } = this.behaviour;
    if (deaf) return undefined;
    if (method === "GET") return { status: 200, body: description(upnp) };
    const action = /<u:(\w+)/.exec(body)![1]!;
    const values = new Map([...body.matchAll(/<(New\w+)>([^<]*)</g)].map((m) => [m[1]!, m[2]!]));
    this.actions.push(
      `${action} ${values.get("NewExternalPort") ?? ""} ${values.get("NewLeaseDuration") ?? ""}`
        .trim(),
    );
    if (!url.endsWith("/ctl")) return { status: 404, body: "" };
    const code = fault(action, values);
    if (code !== undefined) {
      return {
        status: 500,
        body: `<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>${code}</errorCode>` +
          `<errorDescription>x</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>`,
      };
    }
    const key = `${values.get("NewProtocol")?.toLowerCase()} ${values.get("NewExternalPort")}`;
    if (action === "DeletePortMapping") this.mappings.delete(key);
    if (action.startsWith("Add")) {
      this.mappings.set(key, {
        internalPort: Number(values.get("NewInternalPort")),
        lifetimeS: Number(values.get("NewLeaseDuration")),
      });
    }
    const out = action === "GetExternalIPAddress"
      ? `<NewExternalIPAddress>${externalIp}</NewExternalIPAddress>`
      : action === "AddAnyPortMapping"
      ? `<NewReservedPort>${values.get("NewExternalPort")}</NewReservedPort>`
      : "";
    return {
      status: 200,
      body:
        `<s:Envelope><s:Body><u:${action}Response>${out}</u:${action}Response></s:Body></s:Envelope>`,
    };
  }
}

/** A client at a simulated router: 1 ms each way, 5 ms for HTTP, virtual time. */
export class Bench {
  readonly clock = new SimulatedClock();
  readonly router: SimulatedRouter;
  readonly client: GatewayClient;
  /** Datagrams sent to the router's server. */
  sent = 0;
  /** Loses datagrams in both directions. */
  lossy: () => boolean = () => false;
  #armedFor: number | undefined;

  constructor(behaviour: Partial<Behaviour>, protocols?: readonly PortMappingProtocol[]) {
    this.router = new SimulatedRouter(behaviour);
    this.client = new GatewayClient({
      gateway: GATEWAY,
      local: LOCAL,
      random: new SeededRandom(7).bytes,
      ...(protocols === undefined ? {} : { protocols }),
    });
    this.step(() => this.client.start(this.clock.now));
  }

  /** Wants a port mapped; the external addresses that it had are in `seen`. */
  map(internalPort = 4222, transport: "udp" | "tcp" = "udp", lifetimeS = 7200) {
    const seen: (string | undefined)[] = [];
    const onChange = ({ external }: { external: { address: SocketAddress } | undefined }) => {
      const text = external && `${external.address.ip}:${external.address.port}`;
      if (seen.at(-1) !== text || seen.length === 0) seen.push(text);
    };
    const mapping = this.step(() =>
      this.client.map({ transport, internalPort, lifetimeS, onChange }, this.clock.now)
    );
    return { mapping, seen };
  }

  /** Lets that much time pass, in milliseconds. */
  run(milliseconds: number): void {
    this.clock.run(this.clock.now + milliseconds);
  }

  /** Calls the client, then does what it wants. */
  step<T>(call: () => T): T {
    const result = call(), { client, clock, router } = this;
    for (let sent = client.pollTransmit(); sent; sent = client.pollTransmit()) {
      const { bytes, to } = sent;
      if (to.port === 5351) this.sent++;
      if (this.lossy()) continue;
      clock.after(1, () => {
        const answer = router.answer(bytes, to, clock.now);
        if (answer === undefined || this.lossy()) return;
        clock.after(
          1,
          () => this.step(() => client.handleDatagram(answer.bytes, answer.from, clock.now)),
        );
      });
    }
    for (let request = client.pollHttpRequest(); request; request = client.pollHttpRequest()) {
      const asked = request;
      const delay = router.behaviour.deaf ? 5_000 : 5;
      clock.after(delay, () => {
        const response = router.http(asked);
        this.step(() => client.handleHttpResponse(asked.id, response, clock.now));
      });
    }
    const at = client.pollTimeout();
    if (at !== undefined && at !== this.#armedFor) {
      this.#armedFor = at;
      clock.after(at - clock.now, () => {
        if (this.#armedFor === at) this.#armedFor = undefined;
        if ((client.pollTimeout() ?? Infinity) <= clock.now) {
          this.step(() => client.handleTimeout(clock.now));
        }
      });
    }
    return result;
  }
}

export function description(version: number, controlUrl = "/ctl"): string {
  const service = (type: string) =>
    `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType>` +
    `<serviceId>x</serviceId><controlURL>${controlUrl}</controlURL></service>`;
  return `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>` +
    `<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:${version}</deviceType>` +
    `<friendlyName>Tom & Anna's router</friendlyName><deviceList><device><serviceList>` +
    `${service("Layer3Forwarding:1")}${service(`WANIPConnection:${version}`)}` +
    `</serviceList></device></deviceList></device></root>`;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const u16 = (value: number) => [value >> 8, value & 255];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value & 0xffff)];
