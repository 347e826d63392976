import type { TraceEvent } from "../../lib/endpoint/trace_event.ts";
import { type Clock, systemClock, type Timer } from "../../lib/net/clock.ts";
import { setStatusLine } from "../tool/output.ts";

/** Who gets through sooner sees nothing flicker, ms. */
const SHOW_AFTER_MS = 400;
/** How often the time is brought up to date, ms. */
const REFRESH_MS = 200;
/** Digits of an id that are shown. */
const ID_DIGITS = 8;

/**
 * Says, on a terminal, what is being tried while a call is under way, and for how long. Gone as soon
 * as there is a connection, or none to be had.
 *
 * ```
 * dnc: connecting to d75a9801: asking the DHT (8 nodes), 1.2 s
 * ```
 */
export class ConnectProgress {
  readonly #tool: string;
  readonly #show: (line: string) => void;
  readonly #clock: Clock;
  #attempt: { readonly number: number; readonly begun: number } | undefined;
  #phase = new CallPhase();
  #peer = "";
  #timer: Timer | undefined;

  /** @param show shows a line in place of the one before; the empty one removes it */
  constructor(
    tool: string,
    show: (line: string) => void = setStatusLine,
    clock: Clock = systemClock,
  ) {
    this.#tool = tool;
    this.#show = show;
    this.#clock = clock;
  }

  /** Something has happened. */
  take(event: TraceEvent): void {
    if (event.purpose !== "connect") return;
    if (event.type === "begin") return this.#begin(event);
    if (event.attempt !== this.#attempt?.number) return;
    this.#phase.take(event);
    if (this.#phase.isOver) this.close();
  }

  /** Removes the line. */
  close(): void {
    this.#timer?.cancel();
    if (this.#attempt !== undefined) this.#show("");
    this.#attempt = undefined;
  }

  #begin({ attempt, peer }: TraceEvent): void {
    this.close();
    this.#attempt = { number: attempt, begun: this.#clock.now() };
    this.#phase = new CallPhase();
    this.#peer = peer.slice(0, ID_DIGITS);
    this.#refreshAfter(SHOW_AFTER_MS);
  }

  #refreshAfter(delayMs: number): void {
    this.#timer = this.#clock.setTimer(this.#clock.now() + delayMs, () => {
      const seconds = ((this.#clock.now() - this.#attempt!.begun) / 1000).toFixed(1);
      const what = this.#phase.text;
      this.#show(`${this.#tool}: connecting to ${this.#peer}: ${what}, ${seconds} s`);
      this.#refreshAfter(REFRESH_MS);
    });
  }
}

/** What a call is doing, in a few words. */
class CallPhase {
  /** There is a connection, or none to be had. */
  isOver = false;
  #text = "looking for our addresses";
  #nodes = 0;
  #isJoined = false;
  #isAnswered = false;
  #isConnected = false;
  readonly #pairs = new Map<string, string>();

  get text(): string {
    return this.#text;
  }

  take(event: TraceEvent): void {
    switch (event.type) {
      case "dht":
        this.#isJoined = event.status === "connected";
        this.#nodes = event.nodes;
        if (this.#text !== "looking for our addresses") this.#asking();
        break;
      case "request":
        this.#asking();
        break;
      case "stored":
        this.#nodes = Math.max(this.#nodes, event.nodes);
        if (event.nodes > 0 && !this.#isAnswered) {
          this.#text = `waiting for its answer (request on ${nodes(event.nodes)})`;
        }
        break;
      case "answer":
        this.#isAnswered = true;
        this.#text = "trying paths";
        break;
      case "pair": {
        if (this.#isConnected) break;
        const { transport, local, remote, state } = event;
        this.#pairs.set([transport, local.ip, remote.ip, remote.port].join(" "), state);
        const tried = [...this.#pairs.values()];
        const failed = tried.filter((one) => one === "failed").length;
        const lost = failed === 0 ? "" : `, ${failed} failed`;
        this.#text = `trying ${tried.length} ${tried.length === 1 ? "path" : "paths"}${lost}`;
        break;
      }
      case "nominated":
        if (this.#isConnected) break;
        this.#text = `a ${event.relayed ? "relayed" : "direct"} path works, setting it up`;
        break;
      case "session":
        this.#isConnected = true;
        this.#text = "connected, waiting for the peer to accept";
        break;
      case "channel":
        this.isOver = event.state !== "requested";
        break;
      case "failed":
        this.isOver = true;
        break;
    }
  }

  #asking(): void {
    if (this.#isAnswered) return;
    this.#text = this.#isJoined ? `asking the DHT (${nodes(this.#nodes)})` : "joining the DHT";
  }
}

function nodes(count: number): string {
  return `${count} ${count === 1 ? "node" : "nodes"}`;
}
