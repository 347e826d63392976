/**
 * The command that starts a tool as this process was started, to show to the user: the tool's name
 * when it is compiled or bundled, else the runtime with the tool's source.
 *
 * @param name of the tool
 * @param entry URL of its entry module
 */
export function invocation(name: string, entry: string): readonly string[] {
  if (Deno.build.standalone || !entry.endsWith(".ts")) return [name];
  const path = entry.startsWith("file:") ? decodeURIComponent(new URL(entry).pathname) : entry;
  return ["deno", "run", "-A", "--unstable-net", path];
}

/** Words as one line that a POSIX shell splits into the same words. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}
