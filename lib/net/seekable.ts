import { loadLibc } from "./system_libc.ts";

const SEEK_CUR = 1;

/**
 * Whether a descriptor of ours is a file, or a device such as /dev/null: where lseek(2) works, reading
 * and writing wait for no other program, as they do for one at a pipe, a socket or a terminal.
 *
 * @returns false, too, where there is no Linux or no permission to call libc (nobody is asked for one)
 */
export function isSeekable(descriptor: number): boolean {
  const libc = loadLibc({ lseek: { parameters: ["i32", "i64", "i32"], result: "i64" } });
  if (libc === undefined) return false;
  const position = libc.symbols.lseek(descriptor, 0n, SEEK_CUR);
  libc.close();
  return position >= 0n;
}
