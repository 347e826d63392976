import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import { run } from "./command.ts";

/** The folders that need nothing of Deno, and what they import each other for. */
const FOLDERS = ["ip", "stun", "turn", "ice", "dht", "noise", "session", "portmap"];
/** Uses each folder for what it is for. */
const PROGRAM = `
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { BindingClient } from "./lib/stun/mod.ts";
import { IceAgent } from "./lib/ice/mod.ts";
import { DhtNode } from "./lib/dht/mod.ts";
import { HandshakeState, ML_KEM_768 } from "./lib/noise/mod.ts";
import * as portmap from "./lib/portmap/mod.ts";
import * as session from "./lib/session/mod.ts";
import * as turn from "./lib/turn/mod.ts";

const random = (length) => new Uint8Array(randomBytes(length));
// Its WebCrypto has no ML-KEM: this is the one in JavaScript.
const pair = await ML_KEM_768.generateKeyPair();
const common = { protocolName: "Noise_NNhfs_25519+MLKEM768_ChaChaPoly_SHA256", random };
const a = new HandshakeState({ ...common, initiator: true, e1: pair.publicKey });
const b = new HandshakeState({ ...common, initiator: false });
b.readMessage(a.writeMessage(new Uint8Array()));
const encapsulation = await ML_KEM_768.encapsulate(b.remoteEncapsulationKey);
const answer = b.writeMessage(new Uint8Array(), encapsulation);
a.readMessage(answer, await pair.decapsulate(a.readCiphertext(answer)));
assert.deepEqual(a.split().send, b.split().receive);

const agent = new IceAgent({ controlling: true, random, now: 0 });
assert.ok(agent.local.ufrag.length >= 4);

const node = new DhtNode({ random, now: 0, wallClock: () => 1_700_000_000 });
node.bootstrap([{ ip: "192.0.2.1", port: 4222 }], 0);
node.handleTimeout(0);
assert.equal(node.pollTransmit()?.to.ip, "192.0.2.1");
assert.ok(BindingClient && portmap && session && turn);
console.log("fine");
`;

Deno.test("Node 22 imports the protocol cores as they are", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const packages = Object.values(manifest.imports)
      .filter((specifier) => /@(noble|logtape|msgpack)\//.test(specifier))
      .map((specifier) => specifier.slice("npm:".length));
    await Deno.writeTextFile(`${directory}/package.json`, `{"type":"module","private":true}`);
    await run(
      "npm",
      "install",
      "--prefix",
      directory,
      "--no-audit",
      "--no-fund",
      "--silent",
      ...packages,
      "node@22",
    );
    await Deno.mkdir(`${directory}/lib`);
    for (const folder of FOLDERS) {
      await run(
        "cp",
        "-r",
        fileURLToPath(new URL(`../../lib/${folder}`, import.meta.url)),
        `${directory}/lib/`,
      );
    }
    await Deno.writeTextFile(`${directory}/program.ts`, PROGRAM);
    const node = `${directory}/node_modules/.bin/node`;
    assert.match(await run(node, "--version"), /^v22\./);
    assert.equal((await run(node, `${directory}/program.ts`)).trim(), "fine");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
