/** A reproducible source of whole numbers from 0 to below a bound. */
export type Below = (bound: number) => number;

/** A small fast generator (Marsaglia's xorshift32); every run of a seed is the same. */
export function seededBelow(seed: number): Below {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor((state >>> 0) / 0x1_0000_0000 * bound);
  };
}

/** Bytes at which lengths, signs and types change their meaning. */
const INTERESTING = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xc0, 0xdc, 0xdf, 0xfe, 0xff];
/** Longest input, bytes: some decoders take more, but what they do with it is more of the same. */
const MAX_LENGTH = 8192;

/**
 * One more input: a sample, changed in one to eight places by flipping a bit, setting, inserting,
 * removing, repeating, cutting, or splicing with another sample.
 */
export function mutate(samples: readonly Uint8Array[], below: Below): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(samples[below(samples.length)]!);
  for (let changes = 1 + below(8); changes > 0; changes--) {
    bytes = change(bytes, samples, below);
  }
  return bytes.slice(0, MAX_LENGTH);
}

function change(
  bytes: Uint8Array<ArrayBuffer>,
  samples: readonly Uint8Array[],
  below: Below,
): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length + 1);
  const end = at + below(Math.min(64, bytes.length - at) + 1);
  switch (below(8)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << below(8);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = INTERESTING[below(INTERESTING.length)]!;
      return bytes;
    case 2:
      if (at < bytes.length) bytes[at] = below(256);
      return bytes;
    case 3:
      return joined(bytes.subarray(0, at), noise(1 + below(16), below), bytes.subarray(at));
    case 4:
      return joined(bytes.subarray(0, at), bytes.subarray(end));
    case 5:
      return joined(bytes.subarray(0, end), bytes.subarray(at));
    case 6:
      return bytes.slice(0, at);
    default: {
      const other = samples[below(samples.length)]!;
      return joined(bytes.subarray(0, at), other.subarray(below(other.length + 1)));
    }
  }
}

function noise(length: number, below: Below): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
