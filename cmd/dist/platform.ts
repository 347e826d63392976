/** A platform that executables are built for. */
export interface Platform {
  /** Rust's target triple, as `deno compile --target` takes it. */
  readonly triple: string;
  /** How the file's name ends. */
  readonly suffix: string;
}

/** The platforms of a release. */
export const PLATFORMS: readonly Platform[] = [
  { triple: "x86_64-unknown-linux-gnu", suffix: "linux-x64" },
  { triple: "aarch64-unknown-linux-gnu", suffix: "linux-arm64" },
  { triple: "x86_64-apple-darwin", suffix: "macos-x64" },
  { triple: "aarch64-apple-darwin", suffix: "macos-arm64" },
  { triple: "x86_64-pc-windows-msvc", suffix: "windows-x64.exe" },
];

/**
 * The platform that this process runs on.
 *
 * @throws {Error} when it is none that is built for
 */
export function presentPlatform(): Platform {
  const platform = PLATFORMS.find(({ triple }) => triple === Deno.build.target);
  if (platform === undefined) throw new Error(`nothing is built for ${Deno.build.target}`);
  return platform;
}
