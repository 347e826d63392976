import { readRevocationListFile } from "../../lib/identity/mod.ts";
import { ExitCode } from "../tool/exit_code.ts";
import { jsonLine, writeOutput } from "../tool/output.ts";
import type { CommandContext } from "./commands.ts";
import { describeRevocationList, renderDescription } from "./description.ts";
import { readAuthorities, readVerifiedLists } from "./authority_files.ts";

/** `crtmgr revocations`: what CAs have revoked; with `--ca` only if one of these signed the list. */
export async function revocations({ values, operands }: CommandContext): Promise<number> {
  const now = new Date();
  const authorities = await readAuthorities(values.ca);
  for (const path of operands) {
    if (authorities.length > 0) await readVerifiedLists([path], authorities, now);
    for (const der of await readRevocationListFile(path)) {
      const description = describeRevocationList(der, now);
      writeOutput(
        values.json
          ? jsonLine({ file: path, verified: authorities.length > 0, ...description.json })
          : `${path}: ${renderDescription(description)}`,
      );
    }
  }
  return ExitCode.ok;
}
