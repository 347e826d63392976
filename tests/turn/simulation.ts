import type { SocketAddress } from "../../lib/ip/mod.ts";
import { TurnClient, type TurnClientOptions, type TurnEvent } from "../../lib/turn/mod.ts";
import { SeededRandom } from "../support/simulated_clock.ts";
import { type SimulatedServerOptions, SimulatedTurnServer } from "./simulated_server.ts";

/** One way to the server, milliseconds. */
const LATENCY_MS = 10;

export const PEER: SocketAddress = { ip: "192.0.2.9", port: 6000 };
export const CREDENTIALS = { username: "alice", password: "secret" };

/** What a {@linkcode TurnSimulation} is made of. */
export interface SimulationOptions {
  client?: Partial<TurnClientOptions>;
  server?: SimulatedServerOptions;
  /** Which of the client's messages get lost, counted from 0. */
  lost?: (index: number) => boolean;
}

/** A client and a server with virtual time between them. */
export class TurnSimulation {
  readonly server: SimulatedTurnServer;
  readonly client: TurnClient;
  readonly events: TurnEvent[] = [];
  /** Times at which the client sent something. */
  readonly sentAt: number[] = [];
  now = 0;
  /** Decides about messages to the server; may be set anew. */
  lost: (index: number) => boolean;
  readonly #wire: { at: number; deliver: () => void }[] = [];
  #sent = 0;

  constructor(options: SimulationOptions = {}) {
    this.server = new SimulatedTurnServer(options.server);
    this.lost = options.lost ?? (() => false);
    this.client = new TurnClient({
      transport: "datagram",
      credentials: CREDENTIALS,
      random: new SeededRandom(7).bytes,
      now: 0,
      ...options.client,
    });
    this.#poll();
  }

  /** Lets time pass until the condition holds or the time is over. */
  run(forMs: number, done: () => boolean = () => false): this {
    const until = this.now + forMs;
    for (let steps = 0; !done(); steps++) {
      if (steps > 200_000) throw new Error("the simulation does not come to rest");
      this.#wire.sort((a, b) => a.at - b.at);
      const due = this.client.pollTimeout() ?? Infinity;
      const at = Math.max(this.now, Math.min(this.#wire[0]?.at ?? Infinity, due));
      if (at > until) break;
      this.now = at;
      if ((this.#wire[0]?.at ?? Infinity) <= at) this.#wire.shift()!.deliver();
      else this.client.handleTimeout(at);
      this.#poll();
    }
    if (!done()) this.now = until;
    return this;
  }

  /** Does something with the client and takes what comes of it. */
  act<T>(action: (client: TurnClient, now: number) => T): T {
    const result = action(this.client, this.now);
    this.#poll();
    return result;
  }

  /** A peer sends a datagram to the relayed address. */
  peerSends(from: SocketAddress, bytes: Uint8Array): void {
    for (const message of this.server.fromPeer(from, bytes, this.now)) this.deliver(message);
  }

  /** Hands a message to the client as the server's. */
  deliver(message: Uint8Array): void {
    this.client.handleServerDatagram(message, this.now);
    this.#poll();
  }

  /** The first event of a type. */
  event<T extends TurnEvent["type"]>(type: T): Extract<TurnEvent, { type: T }> | undefined {
    return this.events.find((event) => event.type === type) as
      | Extract<TurnEvent, { type: T }>
      | undefined;
  }

  #poll(): void {
    for (let out = this.client.pollTransmit(); out; out = this.client.pollTransmit()) {
      const message = out;
      this.sentAt.push(this.now);
      if (this.lost(this.#sent++)) continue;
      this.#wire.push({
        at: this.now + LATENCY_MS,
        deliver: () => {
          for (const answer of this.server.handle(message, this.now)) {
            const deliver = () => this.client.handleServerDatagram(answer, this.now);
            this.#wire.push({ at: this.now + LATENCY_MS, deliver });
          }
        },
      });
    }
    for (let event = this.client.pollEvent(); event; event = this.client.pollEvent()) {
      this.events.push(event);
    }
  }
}

/** A simulation in which the allocation has been made. */
export function allocated(options: SimulationOptions = {}): TurnSimulation {
  const simulation = new TurnSimulation(options);
  simulation.run(5_000, () => simulation.event("allocated") !== undefined);
  if (simulation.event("allocated") === undefined) throw new Error("no allocation");
  return simulation;
}
