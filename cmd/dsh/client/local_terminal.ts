import { stopOutputProcessing } from "../../../lib/net/own_terminal.ts";
import type { TerminalSize } from "../../../lib/net/pty.ts";
import { setTerminalRaw } from "../../tool/output.ts";

/** Size where the terminal does not tell any. */
const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

/**
 * What full-screen programs switch on and a broken connection leaves on: mouse reports, focus
 * reports, bracketed paste, a hidden cursor, application keys, colours.
 */
const RESET_MODES = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l" +
  "\x1b[?25h\x1b[?1l\x1b>\x1b[0m";
const ALTERNATE_SCREEN_OFF = "\x1b[?1049l";
const encoder = new TextEncoder();
const ALTERNATE_SCREEN = encoder.encode("\x1b[?1049");
const LETTER_H = 0x68;
const LETTER_L = 0x6c;

/** The user's terminal, while it belongs to a program elsewhere. */
export class LocalTerminal implements Disposable {
  #isRaw = false;
  #hasShown = false;
  #hasAlternateScreen = false;
  readonly #restore = () => this.leave();

  /** Its size now. */
  get size(): TerminalSize {
    try {
      const { columns, rows } = Deno.consoleSize();
      return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
    } catch {
      return DEFAULT_SIZE;
    }
  }

  /** Whether it belongs to a program elsewhere now. */
  get isRaw(): boolean {
    return this.#isRaw;
  }

  /**
   * Hands every key on as it is, also Ctrl-C, and shows what comes as it is; until
   * {@linkcode leave}, or the process's end.
   */
  enter(): void {
    if (!Deno.stdin.isTerminal()) return;
    // Deno.exit() and failures that nobody catches come by here.
    if (!this.#isRaw) globalThis.addEventListener("unload", this.#restore);
    this.#isRaw = true;
    setRaw(true);
    stopOutputProcessing(0);
    setTerminalRaw(true);
  }

  /** Gives the terminal back as it was. */
  leave(): void {
    if (!this.#isRaw) return;
    this.#isRaw = false;
    globalThis.removeEventListener("unload", this.#restore);
    setRaw(false);
    setTerminalRaw(false);
  }

  /** Stops this process, as Ctrl-Z does with others; goes on when the user's shell says so. */
  suspend(): void {
    this.leave();
    Deno.kill(Deno.pid, "SIGSTOP");
    this.enter();
  }

  /** Looks at what is shown, to know what would have to be switched off. */
  observe(output: Uint8Array): void {
    this.#hasShown = true;
    const at = lastIndexOf(output, ALTERNATE_SCREEN);
    const letter = at < 0 ? undefined : output[at + ALTERNATE_SCREEN.length];
    if (letter === LETTER_H) this.#hasAlternateScreen = true;
    else if (letter === LETTER_L) this.#hasAlternateScreen = false;
  }

  /**
   * What switches off the modes that a program left on which could not end in order; nothing where
   * none has shown anything.
   */
  get resetSequence(): Uint8Array {
    if (!this.#hasShown) return new Uint8Array();
    return encoder.encode((this.#hasAlternateScreen ? ALTERNATE_SCREEN_OFF : "") + RESET_MODES);
  }

  /** The same as {@linkcode leave}. */
  [Symbol.dispose](): void {
    this.leave();
  }
}

/** Changes the mode of the terminal; one that was closed meanwhile has none. */
function setRaw(isRaw: boolean): void {
  try {
    Deno.stdin.setRaw(isRaw);
  } catch {
    // What was said to it fails as well, where that matters.
  }
}

function lastIndexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  let at = bytes.lastIndexOf(wanted[0]!);
  while (at >= 0) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
    at = at === 0 ? -1 : bytes.lastIndexOf(wanted[0]!, at - 1);
  }
  return -1;
}
