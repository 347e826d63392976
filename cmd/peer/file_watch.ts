/** From one look at the files to the next, ms. */
const INTERVAL_MS = 1_000;

/**
 * Tells when files change. They are looked at every second: notification by the system misses what
 * happens on network file systems, and files that are replaced.
 *
 * @param paths the files to look at, asked for each time
 * @param onChange called after a change, never twice at once
 * @param signal ends the watch
 */
export async function watchFiles(
  paths: () => readonly string[],
  onChange: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let seen = await fingerprint(paths());
  while (await elapsed(signal)) {
    const found = await fingerprint(paths());
    if (found === seen) continue;
    seen = found;
    await onChange();
  }
}

/** What changes when a file does: its time, its size, or the file behind the name. */
async function fingerprint(paths: readonly string[]): Promise<string> {
  const marks = await Promise.all(paths.map(async (path) => {
    try {
      const { mtime, size, ino } = await Deno.stat(path);
      return `${path} ${mtime?.getTime()} ${size} ${ino}`;
    } catch {
      return `${path} absent`;
    }
  }));
  return marks.join("\n");
}

/** @returns false when the signal came */
function elapsed(signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const stop = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve(true);
    }, INTERVAL_MS);
    signal.addEventListener("abort", stop, { once: true });
  });
}
