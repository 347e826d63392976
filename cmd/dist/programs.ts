import type { HelpPage } from "../tool/help.ts";
import { LIBCRYPTO_PATHS } from "../../lib/net/libcrypto_aead.ts";
import { LIBC_PATHS } from "../../lib/net/system_libc.ts";
import manifest from "../../deno.json" with { type: "json" };

/** Version of the project. */
export const VERSION: string = manifest.version;

/** A tool that is shipped. */
export interface Program {
  /** What the user types. */
  readonly name: string;
  /** Its entry module, relative to the project. */
  readonly entry: string;
  /** What Deno lets it do, and not more. */
  readonly permissions: readonly string[];
  /** Its help, of which manual page and completions are made. */
  help(): Promise<HelpPage>;
}

/** Identities and configuration are files, peers have any address, the system lists interfaces. */
const PEER_PERMISSIONS: readonly string[] = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-net",
  "--allow-sys",
];

/**
 * What starts any program and calls any library is not held back by less; and less would keep it
 * from /proc, which Deno shows to `--allow-all` alone: the processes of a session, the way from a
 * descriptor to its file, the marks of a process that ended without undoing what it did.
 */
const ALL: readonly string[] = ["--allow-all"];

/** The tools, each with what it needs. */
export const PROGRAMS: readonly Program[] = [
  {
    name: "dnc",
    entry: "cmd/dnc.ts",
    permissions: [
      ...PEER_PERMISSIONS,
      // Its own executable, for the process behind --control.
      "--allow-run",
      // The cipher of the system's OpenSSL, and room in pipes, for bulk data.
      `--allow-ffi=${[...LIBCRYPTO_PATHS, ...LIBC_PATHS].join()}`,
    ],
    help: async () => (await import("../dnc.ts")).DNC,
  },
  {
    name: "dsh",
    entry: "cmd/dsh.ts",
    permissions: ALL,
    help: async () => (await import("../dsh.ts")).DSH,
  },
  {
    name: "dvpn",
    entry: "cmd/dvpn.ts",
    permissions: ALL,
    help: async () => (await import("../dvpn.ts")).DVPN,
  },
  {
    name: "crtmgr",
    entry: "cmd/crtmgr.ts",
    permissions: ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"],
    help: async () => (await import("../crtmgr.ts")).CRTMGR,
  },
];

/** Flags of Deno that every tool runs with: QUIC is behind `--unstable-net`. */
export const RUNTIME_FLAGS: readonly string[] = ["--unstable-net", "--no-prompt"];

/**
 * Flags of Deno for a bundled program that is run from its files: parts that a run may need are
 * looked at when it needs them, not at the start, which takes a sixth of a short run.
 */
export const BUNDLE_FLAGS: readonly string[] = [
  ...RUNTIME_FLAGS,
  "--unstable-lazy-dynamic-imports",
  "--no-config",
  "--no-lock",
];
