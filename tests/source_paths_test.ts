import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FOLDERS = ["bench", "cmd", "lib", "tests"];

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(`${folder}/${name}`);
    else if (/\.m?ts$|\.mjs$/.test(name)) yield `${folder}/${name}`;
  }
}

Deno.test("no file beside a module is named by its URL's path, where a blank is %20", async () => {
  const wrong: string[] = [];
  for (const folder of FOLDERS) {
    for await (const path of sources(`${ROOT}${folder}`)) {
      if (/import\.meta\.url,?\s*\)\s*\.pathname/.test(await Deno.readTextFile(path))) {
        wrong.push(path.slice(ROOT.length));
      }
    }
  }
  assert.deepEqual(wrong, [], "fileURLToPath makes a path of a URL");
});

Deno.test({
  name: "the demonstration starts from a folder whose name has a blank and an accent",
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const clone = `${directory}/my clonés`;
      await Deno.symlink(ROOT, clone);
      const { DncProcess } = await import(pathToFileURL(`${clone}/cmd/demo/dnc_process.ts`).href);
      await using process = await DncProcess.start("listener", ["--version"]);
      assert.equal(await process.exitCode(), 0, process.log);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
