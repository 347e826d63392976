import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import { readmeLine } from "./readme_commands.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let built: Promise<string> | undefined;

/**
 * What `deno task dist` writes, built once for all tests of a process: a folder in which `tools/`
 * has the single files under their plain names.
 */
export function builtFiles(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "dhtnet-dist-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  const command = await readmeLine("deno task dist");
  const line = `cd "$0" && ${command} -o ${directory} --self-extracting`;
  await run("sh", "-c", line, ROOT);
  await Deno.mkdir(`${directory}/tools`);
  for (const tool of ["dnc", "dsh", "dvpn", "crtmgr"]) {
    await Deno.symlink(`../${tool}-${await suffix()}`, `${directory}/tools/${tool}`);
  }
  return directory;
}

async function suffix(): Promise<string> {
  const machine = (await run("uname", "-m")).trim();
  return machine === "x86_64" ? "linux-x64" : "linux-arm64";
}
