/**
 * Tells whoever wants to know how a path to a peer is found, step by step. Without a listener there
 * is no {@linkcode Tracer}, and every `trace?.step(…)` costs one comparison.
 *
 * ```
 *   Tracer ── begin() ──▶ AttemptTrace ── step() ──▶ listener
 *                           └── of one dial, answer, resumption or improvement
 * ```
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../net/mod.ts";
import type { Channel } from "../session/mod.ts";
import { ConnectError } from "./errors.ts";
import type { AttemptPurpose, TraceEvent, TraceStep } from "./trace_event.ts";

const log = getLogger(["dhtnet", "endpoint"]);

/** What a trace needs to know of the DHT. */
export interface TracedDht {
  status(): {
    readonly status: "disconnected" | "connecting" | "connected";
    readonly nodes: number;
  };
  /** Returns what ends the observation. */
  onStatusChange(observer: () => void): () => void;
}

/** The traces of an endpoint's attempts. */
export class Tracer {
  readonly #listener: (event: TraceEvent) => void;
  readonly #clock: Clock;
  readonly #dht: TracedDht;
  #attempts = 0;

  constructor(listener: (event: TraceEvent) => void, clock: Clock, dht: TracedDht) {
    this.#listener = listener;
    this.#clock = clock;
    this.#dht = dht;
  }

  /** A new attempt begins. */
  begin(purpose: AttemptPurpose, peer: string): AttemptTrace {
    const attempt = ++this.#attempts;
    const start = this.#clock.now();
    const trace = new AttemptTrace((step, at = this.#clock.now()) => {
      try {
        this.#listener({ attempt, purpose, peer, at: at - start, ...step });
      } catch (error) {
        log.error("the listener of the trace failed: {error}", { error });
      }
    }, this.#dht);
    trace.step({ type: "begin", time: Date.now() }, start);
    return trace;
  }
}

/** The trace of one attempt. */
export class AttemptTrace {
  readonly #emit: (step: TraceStep, at?: number) => void;
  readonly #dht: TracedDht;
  #unfollow: (() => void) | undefined;

  constructor(emit: (step: TraceStep, at?: number) => void, dht: TracedDht) {
    this.#emit = emit;
    this.#dht = dht;
  }

  /** Something has happened. @param at when, by the endpoint's clock; now by default */
  step(step: TraceStep, at?: number): void {
    this.#emit(step, at);
    if (step.type === "answer" || step.type === "failed") this.#unfollow?.();
  }

  /** Tells what our node of the DHT is doing, until there is an answer or no hope of one. */
  followDht(): void {
    const tell = () => {
      const { status, nodes } = this.#dht.status();
      this.step({ type: "dht", status, nodes });
    };
    tell();
    this.#unfollow = this.#dht.onStatusChange(tell);
  }

  /** Tells what becomes of the pipe. */
  followPipe(kind: "tcp" | "quic", opening: Promise<unknown>): void {
    const tell = (state: "opening" | "open" | "failed", reason?: string) =>
      this.step({ type: "pipe", kind, state, reason });
    tell("opening");
    opening.then(() => tell("open"), (error) => tell("failed", wording(error)));
  }

  /** Tells what the peer says to a channel. */
  followChannel({ name, opened }: Channel): void {
    const tell = (state: "requested" | "accepted" | "failed", reason?: string) =>
      this.step({ type: "channel", name, state, reason });
    tell("requested");
    opened.then(() => tell("accepted"), (error) => tell("failed", wording(error)));
  }

  /** The attempt has come to nothing. */
  failed(error: unknown): void {
    const code = error instanceof ConnectError ? error.code : undefined;
    this.step({ type: "failed", code, reason: wording(error) });
  }
}

/** What an error says, for people. */
export function wording(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
