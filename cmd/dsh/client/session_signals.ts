import { constants } from "node:os";
import { ToolError } from "../../tool/exit_code.ts";
import { realTimeNumber, SIGNALS } from "../protocol/messages.ts";

/** Signals that are meant for the program, not for the client; SIGUSR1 is the runtime's own. */
const FORWARDED = ["INT", "TERM", "HUP", "QUIT", "USR2"] as const;
/** Those that end programs: the second one, or the program's patience, ends the client. */
const ENDING: ReadonlySet<string> = new Set(["INT", "TERM", "HUP"]);
/** Those that a client gets whose terminal is closed, or that is told to go. */
const LEAVING: ReadonlySet<string> = new Set(["HUP", "TERM"]);
/** A second signal within this time is meant for the client, ms. */
const SECOND_MS = 2_000;
/** How long a program may go on after SIGTERM or SIGHUP, ms: nobody may be there to repeat it. */
const PATIENCE_MS = 3_000;

/** A signal's name without `SIG`. */
export type SignalName = typeof SIGNALS[number];

/** Exit code of a process that a signal has ended, as shells have it. */
export function signalExitCode(signal: string): number {
  const named = (constants.signals as Record<string, number | undefined>)[signal];
  return 128 + (named ?? realTimeNumber(signal) ?? 0);
}

/**
 * The signals that this process gets: until there is a session they end the client, then they
 * travel to the program. Where the program stays without its client, SIGHUP and SIGTERM go on ending
 * the client alone, as they do with tmux's: a terminal that is closed must not end what was kept.
 */
export class SessionSignals implements Disposable {
  /** Aborted when the client must end; the reason is a {@linkcode ToolError}. */
  readonly signal: AbortSignal;
  /** Takes signals for the program; without it they end the client. */
  forward: ((signal: SignalName) => void) | undefined;
  /** The terminal has a new size. */
  onResize: (() => void) | undefined;
  /** The process goes on after it was stopped. */
  onContinue: (() => void) | undefined;
  readonly #controller = new AbortController();
  readonly #isKept: boolean;
  readonly #listeners: (readonly [Deno.Signal, () => void])[];
  #lastEnding = -Infinity;
  #patience: ReturnType<typeof setTimeout> | undefined;

  /**
   * Listens from now on.
   *
   * @param isKept whether the program stays without its client
   */
  constructor(isKept: boolean) {
    this.#isKept = isKept;
    this.signal = this.#controller.signal;
    this.#listeners = Deno.build.os === "windows" ? [["SIGINT", () => this.#take("INT")]] : [
      ...FORWARDED.map((name) => [`SIG${name}`, () => this.#take(name)] as const),
      ["SIGWINCH", () => this.onResize?.()],
      ["SIGCONT", () => this.onContinue?.()],
    ];
    for (const [signal, listener] of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    clearTimeout(this.#patience);
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }

  #take(name: typeof FORWARDED[number]): void {
    const end = () =>
      this.#controller.abort(new ToolError(signalExitCode(`SIG${name}`), "interrupted"));
    if (this.forward === undefined || (this.#isKept && LEAVING.has(name))) return end();
    const now = performance.now();
    if (ENDING.has(name)) {
      if (now - this.#lastEnding < SECOND_MS) return end();
      this.#lastEnding = now;
      if (name !== "INT") this.#patience ??= setTimeout(end, PATIENCE_MS);
    }
    this.forward(name);
  }
}
