import assert from "node:assert/strict";
import { knownPeer } from "../../cmd/peer/peer_names.ts";
import { ToolError, UsageError } from "../../cmd/tool/exit_code.ts";

/** RFC 8032 §7.1, tests 2 and 3. */
const HOME = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const OFFICE = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";

/** Runs a test with a configuration directory that has these names, or no file. */
async function withNames(names: string | undefined, test: () => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const before = Deno.env.get("DHTNET_CONFIG_DIR");
  if (names !== undefined) await Deno.writeTextFile(`${directory}/peers.yaml`, names);
  Deno.env.set("DHTNET_CONFIG_DIR", directory);
  try {
    await test();
  } finally {
    if (before === undefined) Deno.env.delete("DHTNET_CONFIG_DIR");
    else Deno.env.set("DHTNET_CONFIG_DIR", before);
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a peer's name stands for its id, with or without dnc/ before it", async () => {
  const names = `# mine\nhome: ${HOME}\noffice: {id: ${OFFICE.toUpperCase()}, bootstrap: h:1}\n`;
  await withNames(names, async () => {
    assert.deepEqual(await knownPeer("home"), { id: HOME, bootstrap: [] });
    assert.deepEqual(await knownPeer("dnc/home"), { id: HOME, bootstrap: [] });
    assert.deepEqual(await knownPeer("office"), { id: OFFICE, bootstrap: ["h:1"] });
    await assert.rejects(knownPeer("hmoe"), {
      name: "ToolError",
      exitCode: 2,
      message: /"hmoe" is neither an id nor a name in .*peers\.yaml; did you mean home\?/,
    });
    await assert.rejects(knownPeer("nothing"), UsageError);
  });
});

Deno.test("an id needs no file of names, and is checked", async () => {
  await withNames("not: [sound", async () => {
    assert.deepEqual(await knownPeer(HOME.toUpperCase()), { id: HOME, bootstrap: [] });
    assert.deepEqual(await knownPeer(`dnc/${HOME}`), { id: HOME, bootstrap: [] });
    await assert.rejects(knownPeer(HOME.slice(1)), /64 hexadecimal/);
    await assert.rejects(knownPeer(HOME.replace(/^3/, "2")), /is not the id of any device/);
  });
  await withNames(undefined, async () => {
    await assert.rejects(knownPeer("home"), /64 hexadecimal characters; names for ids go into/);
  });
});

Deno.test("every mistake in the file of names is told with its place", async () => {
  const names = [
    `${HOME}: ${HOME}`,
    "x: abc",
    "y: {id: 1, bootsrap: h}",
    "z: {bootstrap: h}",
    `a/b: ${HOME}`,
    `same: ${HOME}`,
    `same: ${OFFICE}`,
    "list: [1, 2]",
  ].join("\n");
  await withNames(names, async () => {
    const error = await knownPeer("x").then(() => undefined, (error) => error);
    assert.ok(error instanceof ToolError);
    assert.equal(error.exitCode, 2);
    const lines = error.message.split("\n").map((line) => /peers\.yaml:(\d+):/.exec(line)?.[1]);
    assert.deepEqual([...new Set(lines)].toSorted(), ["1", "2", "3", "4", "5", "7", "8"]);
  });
});
