import { UsageError } from "../tool/exit_code.ts";
import type { CommandLine } from "../tool/command_line.ts";
import { isWritten } from "../tool/given.ts";
import type { DvpnOptions } from "./options.ts";
import { peerId } from "../peer/peer_id.ts";

/** What a command line asks `dvpn` to do. */
export type Task =
  | { readonly kind: "show-id" }
  | { readonly kind: "status"; readonly json: boolean }
  | { readonly kind: "clean-up" }
  | { readonly kind: "serve" }
  | { readonly kind: "mesh" }
  | { readonly kind: "show-address"; readonly id: string }
  | { readonly kind: "connect"; readonly id: string };

/**
 * Makes sense of the options together.
 *
 * @throws {UsageError} when they contradict one another
 */
export function taskOf({ values, positionals, given }: CommandLine<DvpnOptions>): Task {
  const [id] = positionals;
  const modes = (["listen", "mesh", "address", "status", "cleanup", "id"] as const).filter((mode) =>
    values[mode] !== undefined && values[mode] !== false
  );
  if (modes.length > 1) {
    throw new UsageError(`give one of ${modes.map((mode) => `--${mode}`).join(", ")}`);
  }
  if (!values.mesh && values.address === undefined) {
    for (const name of ["member", "network"]) {
      if (isWritten(given, name)) throw new UsageError(`--${name} needs --mesh, or --address`);
    }
  }
  if (!values.listen && isWritten(given, "client-to-client")) {
    throw new UsageError("--client-to-client needs -l");
  }
  if (values.json && !values.status) throw new UsageError("--json needs --status");
  checkAlone(modes, { id, isDevice: isWritten(given, "device"), isDryRun: values["dry-run"] });
  if (values.id) return { kind: "show-id" };
  if (values.address !== undefined) return { kind: "show-address", id: values.address };
  if (values.status) return { kind: "status", json: values.json };
  if (values.cleanup) return { kind: "clean-up" };
  if (values.listen) {
    if (id !== undefined) throw new UsageError("-l waits for any peer: it takes no ID");
    return { kind: "serve" };
  }
  if (values.mesh) {
    if (id !== undefined) throw new UsageError("--mesh has no server: name members by --member");
    return { kind: "mesh" };
  }
  if (id === undefined) {
    throw new UsageError("give the ID of a server, or -l to be one, or --mesh to need none");
  }
  return { kind: "connect", id: peerId(id) };
}

/**
 * What asks for something at once takes nothing else: who adds --dry-run to --cleanup wants to look, and
 * must not have the kill switch opened.
 */
function checkAlone(
  modes: readonly string[],
  { id, isDevice, isDryRun }: { id: string | undefined; isDevice: boolean; isDryRun: boolean },
): void {
  const [mode = ""] = modes;
  if (!["address", "status", "cleanup", "id"].includes(mode)) return;
  const refuse = (what: string) => {
    throw new UsageError(`${what} has no meaning with --${mode}`);
  };
  if (isDryRun) refuse("--dry-run");
  if (id !== undefined) refuse("an ID");
  if (mode === "cleanup" && isDevice) refuse("--device");
}
