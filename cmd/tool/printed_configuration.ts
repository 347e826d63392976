import { type Plain, renderYaml } from "../../lib/config/mod.ts";
import type { Command } from "./configuration.ts";
import type { Configurable } from "./configuration_file.ts";
import { describeOrigin, type Given } from "./given.ts";
import type { OptionTable } from "./option.ts";
import { type FileSettingTable, settingKey } from "./settings.ts";

/** What `--print-config` shows for a secret. */
const MASK = "********";

/** The settings as a configuration file, each with its source; secrets are masked. */
export async function printedConfiguration<T extends OptionTable, S extends FileSettingTable>(
  tool: Configurable<T, S>,
  { given, file }: Command<T, S>,
): Promise<string> {
  const options = Object.entries(tool.options).flatMap(([name, option]) => {
    const key = settingKey(name, option);
    if (key === undefined) return [];
    const { opposite = false, secret = false } = option.setting!;
    const one = given.get(name);
    const value = one === undefined ? option.initial : one.value;
    const plain = one?.plain ?? (option.form === "flag" ? value !== opposite : value as Plain);
    const shown = secret && one !== undefined ? MASK : plain;
    return [{ key, plain: shown, isGiven: one !== undefined, comment: comment(one) }];
  });
  const others = Object.keys(tool.fileSettings ?? {}).map((key) => {
    const one = given.get(key);
    return { key, plain: one?.plain, isGiven: one !== undefined, comment: comment(one) };
  });
  const head = file === undefined ? "no configuration file" : `configuration file: ${file}`;
  return `# ${tool.name}, ${head}\n${await renderYaml([...options, ...others])}`;
}

function comment(given: Given | undefined): string {
  return given === undefined ? "default" : describeOrigin(given.origin);
}
