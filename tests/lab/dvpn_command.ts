import { fileURLToPath } from "node:url";
import { run } from "./command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The command of `dvpn`, without options. */
export const DVPN = [Deno.execPath(), "run", "-A", "--unstable-net", `${ROOT}cmd/dvpn.ts`];
/** Where the labs have their DHT node. */
export const DHT_PORT = 4299;

/** The options by which a `dvpn` finds the others in a lab, and nobody else. */
export function networkOf(bootstrap: string): string[] {
  return ["-b", `${bootstrap}:${DHT_PORT}`, "--no-discovery", "--no-upnp"];
}

/** The environment of a `dvpn` whose files are all below a directory of the test's. */
export function environmentOf(directory: string): Record<string, string> {
  return {
    DHTNET_CONFIG_DIR: `${directory}/config`,
    STATE_DIRECTORY: `${directory}/state`,
    NO_COLOR: "1",
  };
}

/** What `dvpn` says on standard output, run to its end. */
export async function outputOf(directory: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(DVPN[0]!, {
    args: [...DVPN.slice(1), ...args],
    env: environmentOf(directory),
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** Compiles `dvpn` before the first one is waited for. */
export async function prepareDvpn(): Promise<void> {
  await run(Deno.execPath(), "cache", `${ROOT}cmd/dvpn.ts`);
}

/** A lab, as far as every test of `dvpn` needs it. */
interface Lab extends AsyncDisposable {
  /** What everybody said. */
  readonly log: string;
}

/** A test with a lab of its own; what was said in it is shown when it fails. */
export function labTestOf<T extends Lab>(
  name: string,
  create: () => Promise<T>,
  test: (lab: T) => Promise<void>,
): void {
  Deno.test(`lab: dvpn ${name}`, async () => {
    await using lab = await create();
    try {
      await test(lab);
    } catch (error) {
      console.error(lab.log);
      throw error;
    }
  });
}
