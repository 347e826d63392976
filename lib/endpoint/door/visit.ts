import type { Clock, Pipe } from "../../net/mod.ts";
import { equalBytes, SignallingError } from "../signalling/mod.ts";
import { encodeFrame, readExactly } from "../signalling/stream_frame.ts";
import { doorProof, PROOF_BYTES } from "./proof.ts";

/** How long a visitor may take to prove that it has read the answer, ms. */
export const PROOF_TIMEOUT_MS = 10_000;

/** A connection at the door that has brought a request. It is ended by exactly one of its methods. */
export class Visit {
  /** The sealed request. */
  readonly request: Uint8Array;
  /** The visitor's IP address. */
  readonly source: string;
  readonly #pipe: Pipe;
  readonly #clock: Clock;
  readonly #onOver: () => void;
  #over = false;

  /** @param onOver called when the connection is no visit any more */
  constructor(pipe: Pipe, request: Uint8Array, clock: Clock, onOver: () => void) {
    this.request = request;
    this.source = pipe.remote.ip;
    this.#pipe = pipe;
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /**
   * Sends the answer and waits for the visitor to prove that it has read it.
   *
   * @param key the session's, for what the visitor sends
   * @returns the connection, which is the session's pipe from now on
   * @throws {SignallingError} `identity`, `unreachable`, and {@linkcode NetError}
   */
  async admit(answer: Uint8Array, key: Uint8Array, signal: AbortSignal): Promise<Pipe> {
    const pipe = this.#take();
    const giveUp = () => void pipe.abort();
    const timer = this.#clock.setTimer(this.#clock.now() + PROOF_TIMEOUT_MS, giveUp);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      await pipe.write(encodeFrame(answer));
      const proof = await readExactly(pipe, PROOF_BYTES);
      if (equalBytes(proof, doorProof(key))) return pipe;
      throw new SignallingError("identity", "the visitor could not read the answer");
    } catch (error) {
      giveUp();
      throw error;
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", giveUp);
      this.#onOver();
    }
  }

  /** Sends a refusal. Never rejects. */
  async refuse(refusal: Uint8Array): Promise<void> {
    const pipe = this.#take();
    await pipe.write(encodeFrame(refusal)).catch(() => {});
    await pipe.close();
    this.#onOver();
  }

  /** Gives no answer, if there was none yet. */
  leave(): void {
    if (this.#over) return;
    this.#take().abort();
    this.#onOver();
  }

  #take(): Pipe {
    if (this.#over) throw new SignallingError("used", "the visitor has been answered already");
    this.#over = true;
    return this.#pipe;
  }
}
