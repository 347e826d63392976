import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);
/** A program that is still busy by then hangs. */
const TIMEOUT_MS = 60_000;

/** What somebody writes who has nothing of the project but its address. */
function program(address: string): string {
  return `
import { Endpoint } from "${address}/mod.ts";
import { createAuthority, createDevice } from "${address}/lib/identity/mod.ts";

const authority = await createAuthority("my devices");
const here = { interfaces: ["lo"], discovery: false };
const server = await Endpoint.start({ ...here, identity: await createDevice("s", authority) });
const greetings = server.accept("greeting");
await server.listen();
(async () => {
  for await (const channel of greetings) {
    await channel.write(new TextEncoder().encode("hello from far away"));
    channel.close();
  }
})();
const client = await Endpoint.start({
  ...here,
  identity: await createDevice("c", authority),
  bootstrap: ["127.0.0.1:" + server.status().dht.port],
});
const channel = await client.connect(server.id, "greeting");
console.log(await new Response(channel.readable).text());
const quic = await Endpoint.start({
  ...here,
  identity: await createDevice("q", authority),
  transport: "quic",
}).then(() => "no complaint", (error) => error.message);
console.log(quic);
await client.close();
await server.close();
Deno.exit();
`;
}

Deno.test("the library runs from a remote import, without unstable flags, and says what needs one", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, serveSources);
  const address = `http://127.0.0.1:${server.addr.port}`;
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/main.ts`, program(address));
    // What a registry does when it publishes: bare names become full ones.
    const imports = Object.entries(manifest.imports).flatMap(([name, specifier]) => [
      [name, specifier],
      [`${name}/`, specifier.replace("npm:", "npm:/") + "/"],
    ]);
    await Deno.writeTextFile(
      `${directory}/deno.json`,
      JSON.stringify({ imports: Object.fromEntries(imports) }),
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--quiet", `--reload=${address}`, "main.ts"],
      cwd: directory,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 0, said);
    const [greeting, quic] = new TextDecoder().decode(stdout).split("\n");
    assert.equal(greeting, "hello from far away");
    assert.match(quic!, /--unstable-net/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

async function serveSources(request: Request): Promise<Response> {
  try {
    const bytes = await Deno.readFile(new URL(`.${new URL(request.url).pathname}`, ROOT));
    return new Response(bytes, { headers: { "content-type": "application/typescript" } });
  } catch {
    return new Response("no such file", { status: 404 });
  }
}
