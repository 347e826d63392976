import { fileURLToPath } from "node:url";
import { PROGRAMS, RUNTIME_FLAGS } from "../../cmd/dist/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Puts the tools into a folder as commands, which run the sources with the permissions that what is
 * shipped has, and no more.
 */
export async function putTools(directory: string): Promise<void> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o755 });
  for (const { name, entry, permissions } of PROGRAMS) {
    const words = [Deno.execPath(), "run", "--cached-only", ...RUNTIME_FLAGS, ...permissions];
    await Deno.writeTextFile(
      `${directory}/${name}`,
      `#!/bin/sh\nexec ${words.join(" ")} "${ROOT}${entry}" "$@"\n`,
      { mode: 0o755 },
    );
  }
}
