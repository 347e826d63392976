import type { Plain } from "./config_node.ts";

/** A setting to show. */
export interface ShownSetting {
  /** Its key. */
  readonly key: string;
  /** Its value; undefined when it has none. */
  readonly plain: Plain | undefined;
  /** Whether somebody gave it. */
  readonly isGiven: boolean;
  /** Where the value comes from. */
  readonly comment: string;
}

/**
 * Settings as YAML that can be read again, each with a comment. One that nobody gave is a comment
 * altogether: that it is there may count, whatever its value.
 */
export async function renderYaml(settings: readonly ShownSetting[]): Promise<string> {
  const { stringify } = await import("./yaml_library.ts");
  return settings.map(({ key, plain, isGiven, comment }) => {
    if (plain === undefined) return `# ${key}:  # ${comment}\n`;
    const [first, ...rest] = stringify({ [key]: plain }, { lineWidth: 0 }).trimEnd().split("\n");
    const lines = [`${first}  # ${comment}`, ...rest];
    return lines.map((line) => `${isGiven ? "" : "# "}${line}\n`).join("");
  }).join("");
}
