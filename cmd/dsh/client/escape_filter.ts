/** What a user can ask of the client itself, in the midst of typing. */
export type EscapeAction = "disconnect" | "detach" | "suspend" | "help";

const TILDE = 0x7e;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

/** Behind which a terminal sends `0~` before what is pasted, and `1~` after it. */
const PASTE_MARK = [0x1b, 0x5b, 0x32, 0x30] as const; // ESC [ 2 0
const PASTE_BEGINS = 0x30;
const PASTE_ENDS = 0x31;

/** What follows `~`. */
const ACTIONS: ReadonlyMap<number, EscapeAction> = new Map([
  [0x2e, "disconnect"], // .
  [0x64, "detach"], // d
  [0x1a, "suspend"], // Ctrl-Z
  [0x3f, "help"], // ?
]);

/** What `~?` shows. */
export const ESCAPE_HELP = [
  "Escapes, after a new line:",
  "  ~.   disconnect",
  "  ~d   detach: leave, the session stays (with --detach and --attach)",
  "  ~^Z  suspend dsh",
  "  ~~   send ~",
  "  ~?   this list",
] as const;

/** What was typed: bytes for the program, and what the client is asked for after them. */
export interface Typed {
  /** A view of what was given, or a copy that begins with a tilde which was held back. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly action: EscapeAction | undefined;
}

/**
 * Finds escapes in what is typed, as `ssh` has them; not in what is pasted, where the program there
 * has asked the terminal to mark that (bracketed paste): somebody else may have written it.
 *
 * ```
 *   line begins ── ~ ──▶ tilde held ── . d ^Z ? ──▶ action
 *        ▲  │                 ├── ~ ──▶ one ~ is sent
 *   CR LF│  └ other ─▶ within └── other ──▶ ~ and it are sent
 *        └─────────────  line
 * ```
 */
export class EscapeFilter {
  #state: "line begins" | "tilde held" | "within line" = "line begins";
  /** Bytes of {@linkcode PASTE_MARK} that have just come. */
  #marked = 0;
  #isPasted = false;

  /** Splits what was typed at the actions in it. */
  *filter(typed: Uint8Array<ArrayBuffer>): Generator<Typed, void> {
    let from = 0;
    let prefix = false;
    const cut = (to: number): Uint8Array<ArrayBuffer> => {
      const bytes = typed.subarray(from, to);
      return prefix ? new Uint8Array([TILDE, ...bytes]) : bytes;
    };
    for (const [at, byte] of typed.entries()) {
      if (this.#isOfPaste(byte)) {
        this.#state = "within line";
        continue;
      }
      const state = this.#state;
      this.#state = byte === CARRIAGE_RETURN || byte === LINE_FEED ? "line begins" : "within line";
      if (state === "line begins" && byte === TILDE) {
        this.#state = "tilde held";
        if (at > from || prefix) yield { bytes: cut(at), action: undefined };
        [from, prefix] = [at + 1, false];
      } else if (state === "tilde held") {
        const action = ACTIONS.get(byte);
        if (action !== undefined) {
          this.#state = "line begins";
          yield { bytes: cut(at), action };
          from = at + 1;
        } else prefix = byte !== TILDE;
      }
    }
    if (from < typed.length || prefix) yield { bytes: cut(typed.length), action: undefined };
  }

  /** Whether a byte is pasted, or ends the mark before or after that. */
  #isOfPaste(byte: number): boolean {
    if (this.#marked === PASTE_MARK.length) {
      this.#marked = 0;
      const wasPasted = this.#isPasted;
      if (byte === PASTE_BEGINS || byte === PASTE_ENDS) this.#isPasted = byte === PASTE_BEGINS;
      return wasPasted || this.#isPasted;
    }
    if (byte === PASTE_MARK[this.#marked]) this.#marked++;
    else this.#marked = byte === PASTE_MARK[0] ? 1 : 0;
    return this.#isPasted;
  }
}
