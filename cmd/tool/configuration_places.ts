import { configDirectory } from "./config_directory.ts";
import { ToolError } from "./exit_code.ts";

/** Where the settings of services of this machine are, as upstream has it. */
const SYSTEM_DIRECTORY = "/etc/dhtnet";

/**
 * Where a tool looks for its configuration file when none is named; the first that is there and
 * may be read counts. `$DHTNET_CONFIG_DIR` is the one place where it is set; else these are:
 *
 * | file | whose |
 * |---|---|
 * | `~/.dnc/config.yml` | `dnc`'s, as upstream's wizard writes it |
 * | `$XDG_CONFIG_HOME/dhtnet/TOOL.yaml`, else `~/.config/dhtnet/TOOL.yaml` | this user's |
 * | `/etc/dhtnet/TOOL.yaml` | this machine's, for a listener only |
 *
 * @param tool its name
 * @param listening whether it is to serve others
 * @param environment looks a variable up, the process environment by default
 */
export function configurationPlaces(
  tool: string,
  listening: boolean,
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
): readonly string[] {
  const name = `${tool}.yaml`;
  const own = environment("DHTNET_CONFIG_DIR");
  if (own) return [`${own}/${name}`];
  const home = environment("HOME");
  return [
    ...(tool === "dnc" && home ? [`${home}/.dnc/config.yml`] : []),
    ...userPlace(name, environment),
    ...(listening ? [`${SYSTEM_DIRECTORY}/${name}`] : []),
  ];
}

function userPlace(
  name: string,
  environment: (name: string) => string | undefined,
): readonly string[] {
  try {
    return [`${configDirectory(environment)}/${name}`];
  } catch (error) {
    if (error instanceof ToolError) return [];
    throw error;
  }
}
