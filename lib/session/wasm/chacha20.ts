import {
  type Code,
  get,
  I32,
  i32,
  repeatWhile,
  sequence,
  set,
  V128,
  v128,
  type WasmFunction,
} from "./assembler.ts";

/** Where the key is: 32 bytes. */
export const KEY_AT = 0;
/** Where the block counter and the nonce are: 4 and 12 bytes (RFC 8439 §2.3). */
export const COUNTER_AT = 32;

const BLOCK_BYTES = 64;
const DOUBLE_ROUNDS = 10;
const ROW_BYTES = 16;

// Parameters, then variables: the rows of the state.
const [FROM, TO, A, B, C, D, ROUND, COUNTER] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const MEMORY = i32.constant(0);
const SIGMA = v128.constant(new TextEncoder().encode("expand 32-byte k"));
const ONE = v128.constant([1, ...Array<number>(15).fill(0)]);

/** Bytes of four lanes, each rotated left by 8 or 16 bits. */
const rotatedBytes = (bits: 8 | 16): number[] =>
  Array.from({ length: 16 }, (_, at) => (at & ~3) | ((at - bits / 8) & 3));
/** Bytes of a row whose lanes move to the left. */
const movedLanes = (lanes: number): number[] =>
  Array.from({ length: 16 }, (_, at) => (at + 4 * lanes) % 16);

/** `target += source; mixed = (mixed ^ target) <<< bits` in every column. */
function step(target: number, source: number, mixed: number, bits: 7 | 8 | 12 | 16): Code {
  return sequence(
    set(target, v128.add(get(target), get(source))),
    set(mixed, v128.xor(get(mixed), get(target))),
    set(
      mixed,
      bits === 8 || bits === 16 ? v128.shuffle(mixed, rotatedBytes(bits)) : v128.or(
        v128.shiftLeft(get(mixed), bits),
        v128.shiftRight(get(mixed), 32 - bits),
      ),
    ),
  );
}

/** Four quarter rounds at once (RFC 8439 §2.1). */
const QUARTER_ROUNDS = sequence(
  step(A, B, D, 16),
  step(C, D, B, 12),
  step(A, B, D, 8),
  step(C, D, B, 7),
);

/** Turns diagonals into columns, or back. */
const turn = (lanes: 1 | 3): Code =>
  sequence(
    set(B, v128.shuffle(B, movedLanes(lanes))),
    set(C, v128.shuffle(C, movedLanes(2))),
    set(D, v128.shuffle(D, movedLanes(4 - lanes))),
  );

/** Adds a row to its first value, and the sum to the text. */
const cover = (row: number, first: Code, index: number): Code =>
  v128.store(
    get(FROM),
    index * ROW_BYTES,
    v128.xor(v128.load(get(FROM), index * ROW_BYTES), v128.add(get(row), first)),
  );

/**
 * `chacha20(from, to)`: encrypts memory in place (RFC 8439 §2.4), in whole blocks of 64 bytes, and
 * counts them in memory, too. A row of the state is a vector, so that four quarter rounds are one.
 */
export const CHACHA20: WasmFunction = {
  name: "chacha20",
  parameters: 2,
  locals: [V128, V128, V128, V128, I32, V128],
  body: sequence(
    set(COUNTER, v128.load(MEMORY, COUNTER_AT)),
    repeatWhile(
      i32.isLess(get(FROM), get(TO)),
      sequence(
        set(A, SIGMA),
        set(B, v128.load(MEMORY, KEY_AT)),
        set(C, v128.load(MEMORY, KEY_AT + ROW_BYTES)),
        set(D, get(COUNTER)),
        set(ROUND, i32.constant(DOUBLE_ROUNDS)),
        repeatWhile(
          get(ROUND),
          sequence(
            ...[QUARTER_ROUNDS, turn(1), QUARTER_ROUNDS, turn(3)],
            set(ROUND, i32.subtract(get(ROUND), i32.constant(1))),
          ),
        ),
        cover(A, SIGMA, 0),
        cover(B, v128.load(MEMORY, KEY_AT), 1),
        cover(C, v128.load(MEMORY, KEY_AT + ROW_BYTES), 2),
        cover(D, get(COUNTER), 3),
        set(COUNTER, v128.add(get(COUNTER), ONE)),
        set(FROM, i32.add(get(FROM), i32.constant(BLOCK_BYTES))),
      ),
    ),
    v128.store(MEMORY, COUNTER_AT, get(COUNTER)),
  ),
};
