import { writeError } from "../../../tool/output.ts";
import type { Tally } from "../tally.ts";
import { progressText } from "./progress_text.ts";

/** Time between two looks, ms. */
const LOOK_MS = 200;
/** The rate is that of so many looks. */
const LOOKS = 25;
/** What the line is if the terminal does not tell. */
const COLUMNS = 80;
const CLEAR_LINE = "\r\x1b[K";

/** A line at the bottom of a terminal that shows how far a transfer is. */
export class ProgressLine implements Disposable {
  readonly #tally: Tally;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Times and bytes of the last looks. */
  readonly #looks: (readonly [ms: number, bytes: number])[] = [];

  constructor(tally: Tally) {
    this.#tally = tally;
    this.#timer = setInterval(() => this.#show(), LOOK_MS);
  }

  /** Takes the line away for something else; it comes back by itself. */
  clear(): void {
    if (this.#looks.length > 0) writeError(CLEAR_LINE);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #show(): void {
    this.#looks.push([performance.now(), this.#tally.bytesCarried]);
    if (this.#looks.length > LOOKS) this.#looks.shift();
    const [first, last] = [this.#looks[0]!, this.#looks.at(-1)!];
    const elapsed = last[0] - first[0];
    const rate = elapsed === 0 ? undefined : (last[1] - first[1]) / elapsed * 1000;
    writeError(CLEAR_LINE + progressText(this.#tally, rate, columns()));
  }
}

function columns(): number {
  try {
    return Deno.consoleSize().columns || COLUMNS;
  } catch {
    return COLUMNS;
  }
}
