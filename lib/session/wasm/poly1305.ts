import {
  type Code,
  get,
  i32,
  I64,
  i64,
  repeatWhile,
  sequence,
  set,
  type WasmFunction,
} from "./assembler.ts";

/** Where the one-time key is: 32 bytes, r and s (RFC 8439 §2.5). */
export const ONE_TIME_KEY_AT = 64;
/** Where the tag is afterwards: 16 bytes. */
export const TAG_AT = 48;

const BLOCK_BYTES = 16;
/** A number of 130 bits is five limbs of 26: sums of their products fit into 64 bits. */
const LIMBS = [0, 1, 2, 3, 4] as const;
const LIMB_BITS = 26n;
const LIMB_MASK = i64.constant((1n << LIMB_BITS) - 1n);
/** The bit above each block of 16 bytes, in the last limb. */
const HIGH_BIT = i64.constant(1n << 24n);
/** Bits of r that are used (RFC 8439 §2.5), by limbs. */
const CLAMP = [0x3ff_ffffn, 0x3ff_ff03n, 0x3ff_c0ffn, 0x3f0_3fffn, 0x00f_ffffn] as const;

const [FROM, TO] = [0, 1] as const;
const R = (limb: number) => 2 + limb;
/** 5 r: what stands above 2¹³⁰ counts five times, as 2¹³⁰ ≡ 5. */
const R5 = (limb: number) => 7 + limb;
const H = (limb: number) => 12 + limb;
const SUM = (limb: number) => 17 + limb;
const CARRY = 22;
const [LOW, HIGH] = [23, 24] as const;
const MEMORY = i32.constant(0);

/** 26 bits, or what is left of 128, that begin at a limb's place. */
const loadLimb = (address: Code, offset: number, limb: number): Code =>
  i64.shiftRight(i64.load32(address, offset + 3 * limb), i64.constant(BigInt(2 * limb)));

const loadKey: Code = sequence(
  ...LIMBS.map((limb) =>
    set(R(limb), i64.and(loadLimb(MEMORY, ONE_TIME_KEY_AT, limb), i64.constant(CLAMP[limb])))
  ),
  ...LIMBS.map((limb) => set(R5(limb), i64.multiply(get(R(limb)), i64.constant(5n)))),
);

const addBlock: Code = sequence(
  ...LIMBS.map((limb) =>
    set(
      H(limb),
      i64.add(
        get(H(limb)),
        limb === 4
          ? i64.or(loadLimb(get(FROM), 0, limb), HIGH_BIT)
          : i64.and(loadLimb(get(FROM), 0, limb), LIMB_MASK),
      ),
    )
  ),
);

/** One limb of h · r. */
const product = (limb: number): Code =>
  LIMBS.map((i) => i64.multiply(get(H(i)), get(i <= limb ? R(limb - i) : R5(limb + 5 - i))))
    .reduce((a, b) => i64.add(a, b));

/** Moves what a limb has too much to the next one; from the last one to the first. */
const carry = (from: (limb: number) => number, limb: number): Code =>
  sequence(
    set(CARRY, i64.shiftRight(get(from(limb)), i64.constant(LIMB_BITS))),
    set(H(limb), i64.and(get(from(limb)), LIMB_MASK)),
    limb === 4
      ? set(H(0), i64.add(get(H(0)), i64.multiply(get(CARRY), i64.constant(5n))))
      : set(from(limb + 1), i64.add(get(from(limb + 1)), get(CARRY))),
  );

const multiply: Code = sequence(
  ...LIMBS.map((limb) => set(SUM(limb), product(limb))),
  ...LIMBS.map((limb) => carry(SUM, limb)),
  carry(H, 0),
);

/** Carries that are left; twice, as the first round may make one from the last limb. */
const settle: Code = sequence(...[...LIMBS, ...LIMBS].map((limb) => carry(H, limb)));

/**
 * h - (2¹³⁰ - 5) where that is not negative: h + 5 reaches 2¹³⁰ exactly then, and CARRY says so
 * without a branch.
 */
const reduce: Code = sequence(
  set(CARRY, i64.constant(5n)),
  ...LIMBS.map((limb) =>
    set(
      CARRY,
      i64.shiftRight(i64.add(get(H(limb)), get(CARRY)), i64.constant(LIMB_BITS)),
    )
  ),
  set(H(0), i64.add(get(H(0)), i64.multiply(get(CARRY), i64.constant(5n)))),
  ...LIMBS.slice(0, 4).map((limb) => carry(H, limb)),
);

const shifted = (limb: number, bits: number): Code =>
  i64.shiftLeft(get(H(limb)), i64.constant(BigInt(bits)));
const whole = (limb: number, bits: number): Code =>
  i64.shiftRight(get(H(limb)), i64.constant(BigInt(bits)));

/** (h + s) mod 2¹²⁸, in two halves. */
const storeTag: Code = sequence(
  set(LOW, i64.or(get(H(0)), i64.or(shifted(1, 26), shifted(2, 52)))),
  set(HIGH, i64.or(whole(2, 12), i64.or(shifted(3, 14), shifted(4, 40)))),
  set(CARRY, i64.load(MEMORY, ONE_TIME_KEY_AT + 16)),
  set(LOW, i64.add(get(LOW), get(CARRY))),
  i64.store(MEMORY, TAG_AT, get(LOW)),
  i64.store(
    MEMORY,
    TAG_AT + 8,
    i64.add(
      i64.add(get(HIGH), i64.load(MEMORY, ONE_TIME_KEY_AT + 24)),
      i64.isLess(get(LOW), get(CARRY)),
    ),
  ),
);

/** `poly1305(from, to)`: the tag of at least one whole block of 16 bytes (RFC 8439 §2.5). */
export const POLY1305: WasmFunction = {
  name: "poly1305",
  parameters: 2,
  locals: Array<typeof I64>(23).fill(I64),
  body: sequence(
    loadKey,
    repeatWhile(
      i32.isLess(get(FROM), get(TO)),
      sequence(
        ...[addBlock, multiply],
        set(FROM, i32.add(get(FROM), i32.constant(BLOCK_BYTES))),
      ),
    ),
    ...[settle, reduce, storeTag],
  ),
};
