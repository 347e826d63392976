/** A line of tests/vectors/opendht/packets.jsonl. */
export interface Capture {
  readonly scenario: string;
  readonly direction: string;
  readonly type: string;
  readonly hex: string;
  readonly note?: string;
  readonly expect?: "reply" | "error" | "silence";
  readonly reply_hex?: string;
}

const text = Deno.readTextFileSync(
  new URL("../vectors/opendht/packets.jsonl", import.meta.url),
);

/** Packets of real nodes. */
export const captures: readonly Capture[] = text.trim().split("\n").map((line) => JSON.parse(line));
