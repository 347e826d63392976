import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The house rule "imports go down only": for each folder, the folders under lib/ it may import from,
 * and why. `cmd/` stands on everything; protocol folders do not know one another except as listed.
 */
const LAYERS: Record<string, { may: string[]; because: string }> = {
  ip: { may: [], because: "addresses are the ground floor" },
  identity: { may: [], because: "keys and certificates know nothing of networks" },
  noise: { may: [], because: "the handshake is bytes and keys only" },
  stun: { may: ["ip"], because: "a message codec needs addresses, not sockets" },
  dht: { may: ["ip"], because: "a protocol core does no I/O and needs no other protocol" },
  ice: { may: ["ip", "stun"], because: "connectivity checks are STUN messages" },
  turn: { may: ["ip", "stun"], because: "TURN is a STUN usage" },
  portmap: { may: ["ip"], because: "mapping protocols are independent of ICE" },
  session: { may: ["noise"], because: "records are protected by the handshake's keys" },
  net: { may: ["ip"], because: "I/O carries bytes for every protocol and knows none" },
  config: { may: ["ip", "identity"], because: "options name addresses and identities" },
  endpoint: {
    may: ["ip", "identity", "noise", "stun", "dht", "ice", "turn", "portmap", "session", "net"],
    because: "it is the one place that puts the protocols together",
  },
};

/** Modules that do I/O; protocol cores take bytes and time as arguments instead. */
const IO = /^node:(net|dgram|fs|tls|http|https|http2|child_process|dns|os|timers|process)\b/;
const IO_FOLDERS = new Set(["net", "endpoint", "config"]);
/** Globals that reach the clock, timers, randomness or the operating system. */
const AMBIENT =
  /\b(Deno\.|setTimeout\(|setInterval\(|Date\.now\(|performance\.now\(|Math\.random\()/;
/** Identity reads and writes its own PEM files; everything else in a core stays pure. */
const AMBIENT_ALLOWED = new Set(["identity"]);

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

Deno.test("imports go down only", async () => {
  for await (const path of sources(`${root}/lib`)) {
    const folder = path.slice(`${root}/lib/`.length).split("/")[0]!;
    const layer = LAYERS[folder];
    assert.ok(layer, `lib/${folder} is in no layer: give it one in tests/layers_test.ts`);
    const text = await Deno.readTextFile(path);
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      if (!specifier!.startsWith(".")) {
        const pure = IO_FOLDERS.has(folder) || AMBIENT_ALLOWED.has(folder);
        assert.ok(pure || !IO.test(specifier!), `${path} imports ${specifier}: only net/ does I/O`);
        continue;
      }
      const target = fileURLToPath(new URL(specifier!, pathToFileURL(path)));
      assert.ok(target.startsWith(`${root}/lib/`), `${path} reaches outside lib/: ${specifier}`);
      const other = target.slice(`${root}/lib/`.length).split("/")[0]!;
      if (other === folder) continue;
      assert.ok(layer.may.includes(other), `${path} imports lib/${other}, but ${layer.because}`);
    }
  }
});

Deno.test("protocol cores take time, randomness and bytes as arguments", async () => {
  for await (const path of sources(`${root}/lib`)) {
    const folder = path.slice(`${root}/lib/`.length).split("/")[0]!;
    if (IO_FOLDERS.has(folder) || AMBIENT_ALLOWED.has(folder)) continue;
    const code = (await Deno.readTextFile(path)).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assert.ok(!AMBIENT.test(code), `${path} reaches for ${AMBIENT.exec(code)?.[0]}`);
  }
});

Deno.test("a folder's mod.ts only re-exports", async () => {
  for await (const path of sources(`${root}/lib`)) {
    if (!path.endsWith("/mod.ts")) continue;
    const code = (await Deno.readTextFile(path)).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    const rest = code.replaceAll(/export\s+(type\s+)?(\*|\{[^}]*\})\s+from\s+"[^"]+";/g, "").trim();
    assert.equal(rest, "", `${path} does more than re-export`);
  }
});
