import { turnOfEventLoop } from "../../../lib/net/mod.ts";
import { waitAtMost } from "../../tool/waiting.ts";
import { FrameType, MAX_STREAM_BYTES } from "../protocol/frame.ts";
import type { ProgramExit } from "../protocol/messages.ts";
import type { Child, OutputSource } from "./child.ts";
import type { ClientActions, ClientLink } from "./client_link.ts";
import { endProcesses } from "./end_processes.ts";
import { FrameBatch } from "../protocol/frame_batch.ts";
import type { Scrollback } from "./scrollback.ts";

/**
 * Output that is still open although its program has ended, and that has been silent for this
 * time, is held by something that the program has left behind, ms.
 */
const QUIET_MS = 250;
/** Between two looks at that, ms. */
const LOOK_MS = 50;

/**
 * A program that runs for a peer, from its start until nothing of it is left.
 *
 * ```
 *   runs ── program ends ──▶ output read to its end ──▶ ended ──▶ what it left is ended
 *     │                             └─ held open: what it left is ended first ─▶ ended
 *     └── end() ──▶ hung up, killed if need be ──▶ ended
 * ```
 */
export class ProgramSession {
  /** How the program ended, once all of its output has been delivered. */
  readonly ended: Promise<ProgramExit>;
  /** Resolves when nothing of it is left. */
  readonly finished: Promise<void>;
  /** Names of variables that were asked for and are not taken. */
  readonly ignored: readonly string[];
  /** Bytes that the program wrote. */
  sent = 0;
  /** Bytes that were written to the program. */
  received = 0;
  /** When something was last said in either direction, on the clock of `performance.now()`. */
  lastActivity = performance.now();
  readonly #child: Child;
  readonly #scrollback: Scrollback | undefined;
  readonly #ended = Promise.withResolvers<ProgramExit>();
  #client: ClientLink | undefined;
  #delivering = 0;
  #isOver = false;
  #lastOutput = performance.now();

  /**
   * @param scrollback keeps the last of the output for clients to come
   * @param ignored see {@linkcode ProgramSession.ignored}
   */
  constructor(child: Child, scrollback: Scrollback | undefined, ignored: readonly string[]) {
    this.ignored = ignored;
    this.#child = child;
    this.#scrollback = scrollback;
    this.ended = this.#ended.promise;
    this.finished = this.#run();
  }

  /** The client that has the session now. */
  get client(): ClientLink | undefined {
    return this.#client;
  }

  /** Gives the session to a client: it gets the output from now on, and what was kept of it. */
  attach(client: ClientLink): void {
    this.#client = client;
    this.lastActivity = performance.now();
    const kept = this.#scrollback?.bytes();
    for (let at = 0; at < (kept?.length ?? 0); at += MAX_STREAM_BYTES) {
      const part = kept!.subarray(at, at + MAX_STREAM_BYTES);
      client.writer.send(FrameType.output, part).catch(() => {});
    }
  }

  /** The client has left. */
  detach(client: ClientLink): void {
    if (this.#client === client) this.#client = undefined;
  }

  /** What a client may do with the session. */
  get actions(): ClientActions {
    const child = this.#child;
    return {
      takeInput: (bytes) => {
        this.lastActivity = performance.now();
        const count = child.writeNow(bytes);
        this.received += count;
        return count;
      },
      onInput: async (bytes) => {
        this.lastActivity = performance.now();
        await child.write(bytes);
        this.received += bytes.length;
      },
      onInputEnd: () => child.endInput(),
      onResize: (size) => child.resize(size),
      onSignal: (signal) => child.signal(signal),
    };
  }

  /** Hangs up: the program gets SIGHUP, and is killed if that does not end it. */
  end(): void {
    this.#client = undefined;
    // By now the process id may be another's.
    if (this.#isOver) return;
    this.#child.close();
    endProcesses(this.#child.pid);
  }

  async #run(): Promise<void> {
    const { pid, outputs, status } = this.#child;
    const delivered = Promise.all(outputs.map((source) => this.#deliver(source)));
    const exit = await status;
    this.#child.release();
    if (!await this.#quiet(delivered)) {
      await endProcesses(pid);
      if (!await this.#quiet(delivered)) this.#child.close();
      await delivered;
    }
    this.#ended.resolve(exit);
    await endProcesses(pid);
    this.#child.close();
    this.#isOver = true;
  }

  /** Carries output to whoever has the session. */
  async #deliver(source: OutputSource): Promise<void> {
    const batch = new FrameBatch((buffer, length) => this.#send(source.type, buffer, length));
    while (true) {
      const piece = await source.read();
      if (piece === null) return await batch.flush();
      this.sent += piece.length;
      this.#lastOutput = this.lastActivity = performance.now();
      this.#scrollback?.append(piece);
      await batch.add(piece);
    }
  }

  async #send(type: FrameType, buffer: Uint8Array, length: number): Promise<void> {
    const client = this.#client;
    this.#delivering++;
    try {
      await client?.writer.sendInPlace(type, buffer, length);
    } catch {
      // Who cannot be written to is gone: whoever waits for it is told, and gets a turn, which a
      // program that prints quickly would else never leave to anybody.
      client?.reset();
      await turnOfEventLoop();
    }
    this.#delivering--;
  }

  /** Waits until all output is delivered (true), or what is open has been silent for a while. */
  async #quiet(delivered: Promise<unknown>): Promise<boolean> {
    let isDone = false;
    const done = delivered.then(() => isDone = true);
    const since = performance.now();
    while (!isDone) {
      const silent = performance.now() - Math.max(this.#lastOutput, since);
      if (this.#delivering === 0 && silent > QUIET_MS) return false;
      await waitAtMost(done, LOOK_MS);
    }
    return true;
  }
}
