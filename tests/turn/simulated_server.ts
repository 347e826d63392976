import { equalSocketAddress, ipFamily, type SocketAddress } from "../../lib/ip/mod.ts";
import {
  AdditionalAddressFamily,
  AddressErrorCode,
  ChannelNumber,
  Data,
  decodeMessage,
  encodeMessage,
  ErrorCode,
  Lifetime,
  longTermKey,
  MESSAGE_INTEGRITY,
  MESSAGE_INTEGRITY_SHA256,
  type MessageClass,
  type MessageWriter,
  Method,
  Nonce,
  PasswordAlgorithm,
  PasswordAlgorithms,
  Realm,
  RequestedAddressFamily,
  RequestedTransport,
  type StunMessage,
  Userhash,
  userhash,
  Username,
  XorMappedAddress,
  XorPeerAddress,
  XorRelayedAddress,
} from "../../lib/stun/mod.ts";

/** How a {@linkcode SimulatedTurnServer} behaves. */
export interface SimulatedServerOptions {
  username?: string;
  password?: string;
  realm?: string;
  /** Families that it can relay. */
  families?: (4 | 6)[];
  /** Nonces live so long, milliseconds. */
  nonceLifetimeMs?: number;
  lifetimeSeconds?: number;
  permissionLifetimeMs?: number;
  channelLifetimeMs?: number;
  /** PASSWORD-ALGORITHMS to offer: numbers, in that order. */
  algorithms?: number[];
  /** Put in front of nonces. */
  nonceCookie?: string;
  /** Asks for USERHASH instead of USERNAME. */
  anonymous?: boolean;
  /** Answers a request by this error code instead. */
  refuse?: (request: StunMessage) => number | undefined;
  /** Changes a success response to an Allocate before it is protected. */
  spoil?: (response: MessageWriter) => void;
}

const MAPPED: SocketAddress = { ip: "198.51.100.7", port: 40_000 };
const DEFAULTS = { username: "alice", password: "secret", realm: "example.org" };

/**
 * A TURN server for one client, written against the RFC and not against the client: it checks what
 * a server must check, and keeps what it was asked.
 */
export class SimulatedTurnServer {
  /** Every request and indication, in order of arrival. */
  readonly log: StunMessage[] = [];
  /** What went out to peers. */
  readonly relayedOut: { to: SocketAddress; bytes: Uint8Array; via: "channel" | "send" }[] = [];
  readonly options: SimulatedServerOptions;
  relayed: SocketAddress[] = [];
  allocationEnds = -Infinity;
  readonly permissions = new Map<string, number>();
  readonly channels = new Map<number, { peer: SocketAddress; ends: number }>();
  /** Channel numbers bound to another peer before they had rested (RFC 8656 §12). */
  readonly hasty: number[] = [];
  #nonce = "";
  #nonceEnds = -Infinity;
  #nonces = 0;
  #lastAllocate: { id: string; response: Uint8Array } | undefined;

  constructor(options: SimulatedServerOptions = {}) {
    this.options = { ...DEFAULTS, ...options };
  }

  /** Takes one message from the client and gives the answers. */
  handle(bytes: Uint8Array, now: number): Uint8Array[] {
    if (bytes[0]! >= 0x40) {
      this.#channelData(bytes, now);
      return [];
    }
    const message = decodeMessage(bytes.slice());
    this.log.push(message);
    if (message.messageClass === "indication") {
      this.#indication(message, now);
      return [];
    }
    return [this.#request(message, now)];
  }

  /** A peer's datagram, as the client gets it; nothing when it is not permitted. */
  fromPeer(from: SocketAddress, bytes: Uint8Array, now: number): Uint8Array[] {
    if ((this.permissions.get(from.ip) ?? -Infinity) <= now) return [];
    for (const [number, { peer, ends }] of this.channels) {
      if (ends <= now || !equalSocketAddress(peer, from)) continue;
      const message = new Uint8Array(4 + bytes.length);
      new DataView(message.buffer).setUint16(0, number);
      new DataView(message.buffer).setUint16(2, bytes.length);
      message.set(bytes, 4);
      return [message];
    }
    const id = crypto.getRandomValues(new Uint8Array(12));
    return [
      encodeMessage("indication", Method.Data, id).add(XorPeerAddress, from).add(Data, bytes)
        .finish(),
    ];
  }

  /** How often a method was asked for, challenged requests included. */
  count(method: number): number {
    return this.log.filter((message) => message.method === method).length;
  }

  /** The newest message of a method. */
  last(method: number): StunMessage {
    return this.log.findLast((message) => message.method === method)!;
  }

  /** Forgets the allocation, as after a restart. */
  forget(): void {
    this.relayed = [];
    this.allocationEnds = -Infinity;
    this.permissions.clear();
    this.channels.clear();
    this.#lastAllocate = undefined;
  }

  #request(message: StunMessage, now: number): Uint8Array {
    const { username, password, realm, algorithms } = this.options;
    const refused = this.options.refuse?.(message);
    const algorithm = message.get(PasswordAlgorithm)?.algorithm;
    const key = longTermKey(
      { username: username!, realm: realm!, password: password! },
      algorithm === 2 ? "sha256" : "md5",
    );
    const integrity = algorithms === undefined ? "sha1" : "sha256";
    const isSigned = message.attributes.some(({ type }) =>
      type === MESSAGE_INTEGRITY || type === MESSAGE_INTEGRITY_SHA256
    );
    const signature = { key, integrity } as const;
    if (!isSigned) return this.#challenge(message, 401, now);
    if (this.#nonceEnds <= now || message.get(Nonce) !== this.#nonce) {
      return this.#challenge(message, 438, now);
    }
    const user = this.options.anonymous
      ? equalBytes(message.get(Userhash), userhash(username!, realm!))
      : message.get(Username) === username;
    const offered = message.get(PasswordAlgorithms)?.map(({ algorithm }) => algorithm);
    if (
      !user || message.get(Realm) !== realm || String(offered) !== String(algorithms) ||
      message.checkIntegrity(key, integrity) !== "valid"
    ) return this.#challenge(message, 401, now);
    if (refused !== undefined) return this.#error(message, refused, signature);
    return this.#authenticated(message, signature, now);
  }

  #authenticated(message: StunMessage, signature: Signature, now: number): Uint8Array {
    const id = message.transactionId.join();
    if (message.method === Method.Allocate) {
      if (this.#lastAllocate?.id === id) return this.#lastAllocate.response;
      const response = this.#allocate(message, signature, now);
      this.#lastAllocate = { id, response };
      return response;
    }
    if (this.allocationEnds <= now) return this.#error(message, 437, signature);
    switch (message.method) {
      case Method.Refresh: {
        const lifetime = message.get(Lifetime) ?? this.options.lifetimeSeconds ?? 600;
        if (lifetime === 0) this.forget();
        else this.allocationEnds = now + lifetime * 1000;
        return this.#success(message, signature, (writer) => writer.add(Lifetime, lifetime));
      }
      case Method.CreatePermission: {
        const peer = message.get(XorPeerAddress);
        if (peer === undefined) return this.#error(message, 400, signature);
        if (!this.#relays(peer)) return this.#error(message, 443, signature);
        this.#permit(peer.ip, now);
        return this.#success(message, signature, (writer) => writer);
      }
      case Method.ChannelBind:
        return this.#bind(message, signature, now);
    }
    return this.#error(message, 400, signature);
  }

  #allocate(message: StunMessage, signature: Signature, now: number): Uint8Array {
    if (this.allocationEnds > now) return this.#error(message, 437, signature);
    const supported = this.options.families ?? [4, 6];
    const only = message.get(RequestedAddressFamily);
    const additional = message.get(AdditionalAddressFamily);
    if (message.get(RequestedTransport) !== 17) return this.#error(message, 442, signature);
    if (only !== undefined && additional !== undefined) return this.#error(message, 400, signature);
    const wanted: (4 | 6)[] = additional === undefined ? [only ?? 4] : [4, 6];
    const had = wanted.filter((family) => supported.includes(family));
    const missing = wanted.find((family) => !supported.includes(family));
    if (had.length === 0) return this.#error(message, 440, signature);
    this.relayed = had.map((family) =>
      family === 4 ? { ip: "203.0.113.5", port: 50_000 } : { ip: "2001:db8::5", port: 50_000 }
    );
    const lifetime = this.options.lifetimeSeconds ?? 600;
    this.allocationEnds = now + lifetime * 1000;
    return this.#success(message, signature, (writer) => {
      if (this.options.spoil !== undefined) return this.options.spoil(writer), writer;
      for (const address of this.relayed) writer.add(XorRelayedAddress, address);
      writer.add(XorMappedAddress, MAPPED).add(Lifetime, lifetime);
      if (missing !== undefined) {
        writer.add(AddressErrorCode, { family: missing, code: 440, reason: "not here" });
      }
      return writer;
    });
  }

  #bind(message: StunMessage, signature: Signature, now: number): Uint8Array {
    const number = message.get(ChannelNumber) ?? 0, peer = message.get(XorPeerAddress);
    if (peer === undefined || number < 0x4000 || number > 0x4fff) {
      return this.#error(message, 400, signature);
    }
    if (!this.#relays(peer)) return this.#error(message, 443, signature);
    const conflict = [...this.channels].some(([other, binding]) =>
      binding.ends > now && (other === number) !== equalSocketAddress(binding.peer, peer)
    );
    if (conflict) return this.#error(message, 400, signature);
    for (const [other, binding] of this.channels) {
      const changed = (other === number) !== equalSocketAddress(binding.peer, peer);
      if (changed && now < binding.ends + 300_000) this.hasty.push(number);
    }
    const ends = now + (this.options.channelLifetimeMs ?? 600_000);
    this.channels.set(number, { peer, ends });
    this.#permit(peer.ip, now);
    return this.#success(message, signature, (writer) => writer);
  }

  #indication(message: StunMessage, now: number): void {
    const to = message.get(XorPeerAddress), bytes = message.get(Data);
    if (message.method !== Method.Send || to === undefined || bytes === undefined) return;
    if ((this.permissions.get(to.ip) ?? -Infinity) <= now) return;
    this.relayedOut.push({ to, bytes, via: "send" });
  }

  #channelData(bytes: Uint8Array, now: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const binding = this.channels.get(view.getUint16(0));
    if (binding === undefined || binding.ends <= now) return;
    if ((this.permissions.get(binding.peer.ip) ?? -Infinity) <= now) return;
    const payload = bytes.slice(4, 4 + view.getUint16(2));
    this.relayedOut.push({ to: binding.peer, bytes: payload, via: "channel" });
  }

  #permit(ip: string, now: number): void {
    this.permissions.set(ip, now + (this.options.permissionLifetimeMs ?? 300_000));
  }

  #relays({ ip }: SocketAddress): boolean {
    return this.relayed.some((address) => ipFamily(address.ip) === ipFamily(ip));
  }

  #challenge(message: StunMessage, code: 401 | 438, now: number): Uint8Array {
    if (this.#nonceEnds <= now) {
      this.#nonce = `${this.options.nonceCookie ?? ""}nonce-${++this.#nonces}`;
      this.#nonceEnds = now + (this.options.nonceLifetimeMs ?? Infinity);
    }
    return this.#error(message, code, undefined, (writer) => {
      writer.add(Realm, this.options.realm!).add(Nonce, this.#nonce);
      if (this.options.algorithms === undefined) return;
      const list = this.options.algorithms.map((algorithm) => ({
        algorithm,
        parameters: new Uint8Array(0),
      }));
      writer.add(PasswordAlgorithms, list);
    });
  }

  #success(
    message: StunMessage,
    signature: Signature,
    write: (writer: MessageWriter) => MessageWriter,
  ): Uint8Array {
    return sign(write(respond(message, "success")), signature);
  }

  #error(
    message: StunMessage,
    code: number,
    signature: Signature | undefined,
    write: (writer: MessageWriter) => void = () => {},
  ): Uint8Array {
    const writer = respond(message, "error").add(ErrorCode, { code, reason: `code ${code}` });
    write(writer);
    return signature === undefined ? writer.finish() : sign(writer, signature);
  }
}

interface Signature {
  key: Uint8Array;
  integrity: "sha1" | "sha256";
}

function respond(request: StunMessage, messageClass: MessageClass): MessageWriter {
  return encodeMessage(messageClass, request.method, request.transactionId);
}

function sign(writer: MessageWriter, { key, integrity }: Signature): Uint8Array {
  return writer.addIntegrity(key, integrity).addFingerprint().finish();
}

function equalBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
