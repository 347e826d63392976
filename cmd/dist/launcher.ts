/** The scripts that start a program: `launcher.sh` in a single file, the other one in a package. */
export type LauncherTemplate = "launcher.sh" | "package_launcher.sh";

/**
 * A script for any POSIX shell that starts a program.
 *
 * @param values what comes in place of each `@NAME@` in the template; both have `@PRIVATE_CACHE@`, which
 *   is filled here
 */
export async function renderLauncher(
  template: LauncherTemplate,
  values: Readonly<Record<string, string>>,
): Promise<string> {
  const read = (name: string) => Deno.readTextFile(new URL(name, import.meta.url));
  const all = { ...values, PRIVATE_CACHE: (await read("private_cache.sh")).trimEnd() };
  return (await read(template))
    .replaceAll(/@([A-Z_]+)@/g, (_whole, name: keyof typeof all) => all[name]!);
}
