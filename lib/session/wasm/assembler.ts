/**
 * As much of a WebAssembly assembler as two functions need: instructions are written as nested
 * expressions, `i64.add(get(0), get(1))`, and yield the bytes of the stack machine's code.
 * Numbers in comments are opcodes of the WebAssembly core specification 2.0, §5.4.
 */

/** Bytes of code. */
export type Code = readonly number[];

/** A function of the module: its name, how many i32 it takes, and its body. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: number;
  /** Types of the variables that follow the parameters. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/** The type of a variable. */
export type ValueType = typeof I32 | typeof I64 | typeof V128;
/** 32 bits. */
export const I32 = 0x7f;
/** 64 bits. */
export const I64 = 0x7e;
/** 128 bits: four lanes of 32. */
export const V128 = 0x7b;

const SIMD = 0xfd;
const END = 0x0b;
const NO_RESULT = 0x40;

const binary = (...opcode: number[]) => (a: Code, b: Code): Code => [...a, ...b, ...opcode];
const at = (offset: number): Code => [0, ...unsigned(offset)]; // no alignment is promised

/** Reads a variable. */
export const get = (local: number): Code => [0x20, ...unsigned(local)];
/** Writes a variable. */
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];
/** One thing after the other. */
export const sequence = (...codes: Code[]): Code => codes.flat();
/** Does the body, and does it again while the condition holds. */
export const repeatWhile = (condition: Code, body: Code): Code => [
  ...[0x03, NO_RESULT, ...body],
  ...[...condition, 0x0d, 0, END],
];

/** Instructions on 32 bits. */
export const i32 = {
  constant: (value: number): Code => [0x41, ...signed(BigInt(value))],
  add: binary(0x6a),
  subtract: binary(0x6b),
  isLess: binary(0x49),
};

/** Instructions on 64 bits. */
export const i64 = {
  constant: (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))],
  load: (address: Code, offset = 0): Code => [...address, 0x29, ...at(offset)],
  /** Reads 32 bits. */
  load32: (address: Code, offset = 0): Code => [...address, 0x35, ...at(offset)],
  store: (address: Code, offset: number, value: Code): Code => [
    ...[...address, ...value],
    ...[0x37, ...at(offset)],
  ],
  add: binary(0x7c),
  multiply: binary(0x7e),
  and: binary(0x83),
  or: binary(0x84),
  shiftLeft: binary(0x86),
  shiftRight: binary(0x88),
  /** 1 or 0, of 64 bits. */
  isLess: (a: Code, b: Code): Code => [...a, ...b, 0x54, 0xad],
};

/** Instructions on four lanes of 32 bits. */
export const v128 = {
  constant: (bytes: Iterable<number>): Code => [SIMD, 0x0c, ...bytes],
  load: (address: Code, offset = 0): Code => [...address, SIMD, 0x00, ...at(offset)],
  store: (address: Code, offset: number, value: Code): Code => [
    ...[...address, ...value],
    ...[SIMD, 0x0b, ...at(offset)],
  ],
  xor: binary(SIMD, 0x51),
  or: binary(SIMD, 0x50),
  add: binary(SIMD, 0xae, 0x01),
  shiftLeft: (value: Code, bits: number): Code => [...value, ...i32.constant(bits), SIMD, 0xab, 1],
  shiftRight: (value: Code, bits: number): Code => [...value, ...i32.constant(bits), SIMD, 0xad, 1],
  /** Puts the bytes of a value into another order. */
  shuffle: (local: number, order: readonly number[]): Code => [
    ...[...get(local), ...get(local)],
    ...[SIMD, 0x0d, ...order],
  ],
};

/** A module that exports the functions and one page of memory, `memory`. */
export function assemble(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [
    ...[0x60, parameters, ...Array<number>(parameters).fill(I32), 0],
  ]);
  const exports = [
    [...name("memory"), 2, 0],
    ...functions.map((one, index) => [...name(one.name), 0, index]),
  ];
  const bodies = functions.map(({ locals, body }) => {
    const code = [...vector(locals.map((type) => [1, type])), ...body, END];
    return [...unsigned(code.length), ...code];
  });
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, vector(types)),
    ...section(3, vector(functions.map((_, index) => [index]))),
    ...section(5, vector([[0, 1]])),
    ...section(7, vector(exports)),
    ...section(10, vector(bodies)),
  ]);
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): Code {
  return vector([...new TextEncoder().encode(text)].map((byte) => [byte]));
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  const isDone = rest === ((low & 0x40) === 0 ? 0n : -1n);
  return isDone ? [low] : [low | 0x80, ...signed(rest)];
}
