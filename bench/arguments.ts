/** What a number on a bench's command line may be. */
export interface NumberArgument {
  /** Where nothing is given. */
  readonly default: number;
  /** 1 unless told. */
  readonly least?: number;
  readonly most?: number;
  /** Whether it need not be a whole number. */
  readonly fraction?: boolean;
}

/**
 * The numbers of a bench's command line. With any other words the process ends, and says what is
 * expected: a loop over half a transfer or a negative count has no end.
 *
 * @param usage the command with its arguments
 */
export function numberArguments<const T extends readonly NumberArgument[]>(
  usage: string,
  expected: T,
  words: readonly string[] = Deno.args,
): { readonly [K in keyof T]: number } {
  const values = expected.map((one, index) => Number(words[index] ?? one.default));
  if (words.length > expected.length) endWithUsage(usage);
  for (const [index, value] of values.entries()) {
    const { least = 1, most = Number.MAX_SAFE_INTEGER, fraction = false } = expected[index]!;
    const isNumber = fraction ? Number.isFinite(value) : Number.isInteger(value);
    if (!isNumber || value < least || value > most) endWithUsage(usage);
  }
  return values as { readonly [K in keyof T]: number };
}

/** Says what is expected, and ends the process as the tools do. */
export function endWithUsage(usage: string): never {
  console.error(`usage: ${usage}`);
  Deno.exit(2);
}
