/**
 * Which cryptography is used depends on what the platform has, and is decided when modules load. So
 * other platforms are played in processes of their own, whose import map replaces modules under lib/.
 */
import assert from "node:assert/strict";
import manifest from "../deno.json" with { type: "json" };

const ROOT = new URL("..", import.meta.url);

/** The project's import map with replacements for what lib/ imports. */
function importMap(replacements: Record<string, string>): string {
  const imports: Record<string, string> = {};
  for (const [name, target] of Object.entries(manifest.imports)) {
    imports[name] = target;
    imports[`${name}/`] = `${target.replace("npm:", "npm:/")}/`;
  }
  for (const [path, file] of Object.entries(manifest.exports)) {
    imports[`@dhtnet/dhtnet${path.slice(1)}`] = new URL(file, ROOT).href;
  }
  const scope = Object.fromEntries(
    Object.entries(replacements).map(([name, path]) => [name, new URL(path, ROOT).href]),
  );
  const map = { imports, scopes: { [new URL("lib/", ROOT).href]: scope } };
  return `--import-map=data:application/json,${encodeURIComponent(JSON.stringify(map))}`;
}

async function deno(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, output);
  return output;
}

Deno.test("where the platform has all, nothing in JavaScript is loaded beside it", async () => {
  const absent = "tests/support/absent_module.ts";
  const map = importMap({
    "@noble/ciphers/aes.js": absent,
    "@noble/ciphers/chacha.js": absent,
    "@noble/curves/ed25519.js": absent,
    "@noble/hashes/blake2.js": absent,
  });
  const program = `
    const { Endpoint } = await import(${JSON.stringify(new URL("mod.ts", ROOT).href)});
    console.log(typeof Endpoint);`;
  assert.match(await deno("eval", "--no-lock", "--no-check", map, program), /function/);
});

Deno.test("where the platform has none, all is done in JavaScript and the vectors hold", async () => {
  const map = importMap({ "node:crypto": "tests/support/bare_crypto.ts" });
  const lib = (path: string) => JSON.stringify(new URL(`lib/${path}`, ROOT).href);
  const program = `
    import assert from "node:assert/strict";
    import { AES_256_GCM, BLAKE2S, CHACHA20_POLY1305, X25519 } from ${lib("noise/mod.ts")};
    import { PURE_AES_256_GCM, PURE_CHACHA20_POLY1305 } from ${lib("noise/pure_aead.ts")};
    import { PURE_BLAKE2S } from ${lib("noise/pure_blake2s.ts")};
    import { PURE_X25519 } from ${lib("noise/pure_x25519.ts")};
    import { RECORD_AEAD } from ${lib("session/aead.ts")};
    import { portableAead } from ${lib("session/portable_aead.ts")};
    assert.deepEqual(
      [AES_256_GCM, BLAKE2S, CHACHA20_POLY1305, X25519, RECORD_AEAD],
      [PURE_AES_256_GCM, PURE_BLAKE2S, PURE_CHACHA20_POLY1305, PURE_X25519, portableAead],
    );`;
  await deno("eval", "--no-lock", "--no-check", map, program);
  // Keys under a passphrase need AES of the platform.
  const identityTests = [...Deno.readDirSync(new URL("tests/identity", ROOT))]
    .filter(({ name }) => name.endsWith("_test.ts") && name !== "encrypted_key_test.ts")
    .map(({ name }) => `tests/identity/${name}`);
  const output = await deno(
    "test",
    "-A",
    "--no-lock",
    "--no-check",
    map,
    "tests/noise/vectors_test.ts",
    "tests/session/resumption_test.ts",
    ...identityTests,
  );
  assert.match(output, /ok \| [1-9]\d+ passed/);
});
