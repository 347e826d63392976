import { Endpoint, loadOrCreateIdentity } from "@dhtnet/dhtnet";

/** The words after the options. */
export const words: string[] = Deno.args.filter((word) => !word.startsWith("--"));

/**
 * A device for an example: its identity is kept in the folder `.dhtnet-NAME`. With `--local` it is
 * reached from this machine only, else from everywhere.
 */
export async function startDevice(name: string): Promise<Endpoint> {
  return await Endpoint.start({
    identity: await loadOrCreateIdentity(`.dhtnet-${name}`),
    ...(Deno.args.includes("--local")
      ? { interfaces: ["lo"] }
      : { bootstrap: ["bootstrap.sfl.io:4222"] }),
  });
}
