import { UsageError } from "../tool/exit_code.ts";
import type { OptionValues } from "../tool/option.ts";
import { writeOutput } from "../tool/output.ts";
import type { CrtmgrOptions } from "./options.ts";
import { loadNamed } from "./signer.ts";

/** `crtmgr -a`: writes the id, and nothing else, to standard output. */
export async function showId(values: OptionValues<CrtmgrOptions>): Promise<void> {
  if (values.name !== undefined) throw new UsageError("-n has no meaning with -a");
  const identity = await loadNamed(values);
  if (identity === undefined) throw new UsageError("-a needs -c FILE and -p FILE");
  writeOutput(`${identity.id}\n`);
}
