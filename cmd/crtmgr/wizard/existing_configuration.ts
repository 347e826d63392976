import { readBounded, writeAtomic } from "../../../lib/net/atomic_file.ts";
import { replaceableFile } from "../../tool/replaceable_file.ts";
import { exists } from "../new_file.ts";
import {
  configurationValues,
  editedConfiguration,
  newConfiguration,
  type Setting,
} from "./configuration_file.ts";
import type { WizardContext } from "./wizard_context.ts";

/** Longest configuration file that is edited, bytes. */
const MAX_CONFIGURATION_BYTES = 256 * 1024;

/** A configuration file that may be there. */
export interface ExistingConfiguration {
  readonly path: string;
  /** Undefined when there is no such file. */
  readonly text: string | undefined;
  /** What it says, by key; empty when there is none. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Whether it is to be written. */
  readonly change: boolean;
}

/**
 * Looks at a configuration file, and asks whether to change it if it is there.
 *
 * @throws {ToolError} usage, when it is to be changed but is no YAML
 * @throws {NetError} `file`
 */
export async function askConfiguration(
  { questions }: WizardContext,
  path: string,
): Promise<ExistingConfiguration> {
  const bytes = await readBounded(path, MAX_CONFIGURATION_BYTES);
  if (bytes === undefined) return { path, text: undefined, values: new Map(), change: true };
  const text = new TextDecoder().decode(bytes);
  const preset = await isPristine(text);
  const change = await questions.confirm(`${path} exists. Change what it says?`, preset);
  return { path, text, values: change ? configurationValues(path, text) : new Map(), change };
}

/**
 * Writes the settings to a new file, or into the one that is there.
 *
 * @throws {NetError} `file`
 * @throws {ToolError} usage, when the name is that of no file
 */
export async function writeConfiguration(
  { path, text }: ExistingConfiguration,
  title: string,
  settings: readonly Setting[],
): Promise<void> {
  const written = text === undefined
    ? newConfiguration(title, settings)
    : editedConfiguration(path, text, settings);
  const mode = text === undefined ? undefined : (await Deno.stat(path)).mode;
  const bytes = new TextEncoder().encode(written);
  await writeAtomic(await replaceableFile(path), bytes, (mode ?? 0o644) & 0o777);
}

/** Whether it came with the package, and nobody has set it up yet: the identity is not there. */
async function isPristine(text: string): Promise<boolean> {
  const certificate = /^certificate:\s*["']?([^"'\s#]*)/m.exec(text)?.[1] ?? "";
  return certificate === "" || !await exists(certificate);
}
