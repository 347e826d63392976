import { NETWORK_OPTIONS, type NetworkOptions } from "../../peer/network_table.ts";
import { configDirectory } from "../../tool/config_directory.ts";
import { ExitCode, ToolError, UsageError } from "../../tool/exit_code.ts";
import type { OptionValues } from "../../tool/option.ts";
import { MAX_SOCKET_PATH_BYTES } from "../service/service.ts";

/** Hexadecimal digits of a socket's name: as many sessions as one likes, in a short path. */
const NAME_DIGITS = 24;

/** Of a directory's mode: only the owner of a file may remove it. */
const STICKY = 0o1000;

/** What `--control` says: the path of the socket, or that there is one for each kind of session. */
export type Control = { readonly kind: "auto" } | { readonly kind: "path"; readonly path: string };

/** Reads the argument of `--control`; undefined for `none`. @throws {UsageError} */
export function parseControl(text: string): Control | "none" {
  if (text === "none") return "none";
  if (text === "auto") return { kind: "auto" };
  if (text.includes("/")) return { kind: "path", path: text };
  throw new UsageError(`expects auto, none or a path with a "/", not ${JSON.stringify(text)}`);
}

/**
 * The path of the control socket for a session: one for each peer, identity and way to use the
 * network, so that no session is taken for another.
 *
 * @throws {ToolError} usage, when the path is too long, or others could put their own socket there
 */
export async function controlPath(
  control: Control,
  peerId: string,
  values: OptionValues<NetworkOptions>,
): Promise<string> {
  const path = control.kind === "path"
    ? control.path
    : `${ownDirectory()}/${await nameOf(peerId, values)}.sock`;
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    throw new UsageError(
      `--control: the path of a socket has ${MAX_SOCKET_PATH_BYTES} bytes at most: ${path}; ` +
        "set XDG_RUNTIME_DIR, or name a shorter one",
    );
  }
  checkDirectory(path.replace(/[^/]*$/, "") || "/");
  return path;
}

/**
 * The directory for sockets, which is made, 0700, when it is not there.
 *
 * @throws {ToolError} usage, when it cannot be made
 */
function ownDirectory(): string {
  const runtime = Deno.env.get("XDG_RUNTIME_DIR");
  const directory = runtime?.startsWith("/") ? `${runtime}/dhtnet` : `${configDirectory()}/control`;
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw noDirectory(directory, cause);
  }
  return directory;
}

/** Whoever may write there may put a socket of his own in place of ours. */
function checkDirectory(directory: string): void {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(directory);
  } catch (cause) {
    throw noDirectory(directory, cause);
  }
  if (!info.isDirectory) throw noDirectory(directory, "something else is there");
  const isOurs = info.uid === Deno.uid() || info.uid === 0;
  const mode = info.mode ?? 0;
  if (isOurs && (mode & 0o022) === 0) return;
  // A directory such as /tmp is meant for all.
  const remedy = isOurs && (mode & STICKY) === 0
    ? `run: chmod go-w ${directory}`
    : "put the socket where only you can";
  throw new ToolError(
    ExitCode.usage,
    `--control: others can write to ${directory}; ${remedy}`,
  );
}

function noDirectory(directory: string, cause: unknown): ToolError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ToolError(ExitCode.usage, `--control: no directory ${directory}: ${reason}`, {
    cause,
  });
}

async function nameOf(peerId: string, values: OptionValues<NetworkOptions>): Promise<string> {
  // The password makes no other session, and has no place in a digest that others might see.
  const names = (Object.keys(NETWORK_OPTIONS) as (keyof NetworkOptions)[])
    .filter((name) => !["turn_pass", "certificate", "privateKey"].includes(name));
  const files = [values.certificate, values.privateKey, configDirectory()].map((file) =>
    file === undefined ? null : absolute(file)
  );
  const parts = [peerId, files, names.map((name) => values[name] ?? null)];
  const bytes = new TextEncoder().encode(JSON.stringify(parts));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toHex().slice(0, NAME_DIGITS);
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}
