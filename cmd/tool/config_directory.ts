import { ExitCode, ToolError } from "./exit_code.ts";

/**
 * Where a user's identity and settings are: `$DHTNET_CONFIG_DIR`, else `$XDG_CONFIG_HOME/dhtnet`,
 * else `~/.config/dhtnet`. An empty variable counts as none, and so does a relative
 * `XDG_CONFIG_HOME`, as the XDG base directory specification demands.
 *
 * @param environment looks a variable up, the process environment by default
 * @throws {ToolError} usage, when not even a home directory is known
 */
export function configDirectory(
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
): string {
  const own = environment("DHTNET_CONFIG_DIR");
  if (own) return own;
  const xdg = environment("XDG_CONFIG_HOME");
  if (xdg?.startsWith("/")) return `${xdg}/dhtnet`;
  const home = environment("HOME") || environment("USERPROFILE");
  if (home) return `${home}/.config/dhtnet`;
  throw new ToolError(
    ExitCode.usage,
    "no place for the identity: set DHTNET_CONFIG_DIR, or HOME",
  );
}
