import type { Plain } from "./config_node.ts";

/** A setting to show. */
export interface ShownSetting {
  /** Its key. */
  readonly key: string;
  /** Its value; undefined when it has none. */
  readonly plain: Plain | undefined;
  /** Where the value comes from. */
  readonly comment: string;
}

/**
 * Settings as YAML that can be read again, each with a comment; one without a value is a comment
 * altogether.
 */
export async function renderYaml(settings: readonly ShownSetting[]): Promise<string> {
  const { stringify } = await import("./yaml_library.ts");
  return settings.map(({ key, plain, comment }) => {
    if (plain === undefined) return `# ${key}:  # ${comment}\n`;
    const [first, ...rest] = stringify({ [key]: plain }, { lineWidth: 0 }).trimEnd().split("\n");
    return [`${first}  # ${comment}`, ...rest].join("\n") + "\n";
  }).join("");
}
