import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createIdentity } from "../../bench/identity.ts";
import { Endpoint } from "../../mod.ts";

const EXAMPLES = fileURLToPath(new URL("../../bench/examples/", import.meta.url));
const CONFIGURATION = fileURLToPath(new URL("../../deno.json", import.meta.url));
/** An example that is not done by then hangs. */
const TIMEOUT_MS = 30_000;

/** The examples of one test, each started as its first comment says, in a folder of their own. */
class Examples implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly #running: Deno.ChildProcess[] = [];

  start(example: string, ...words: string[]): Deno.ChildProcess {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--config", CONFIGURATION, EXAMPLES + example, ...words, "--local"],
      cwd: this.directory,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).spawn();
    this.#running.push(child);
    return child;
  }

  /** Runs an example to its end and gives what it said. */
  async said(example: string, ...words: string[]): Promise<string> {
    const child = this.start(example, ...words);
    await child.stdin.close();
    const { code, stdout, stderr } = await child.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended
      }
      await child.stdin.abort().catch(() => {});
      for (const stream of [child.stdout, child.stderr]) {
        if (!stream.locked) await stream.cancel().catch(() => {});
      }
      await child.status;
    }
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A device that is not as an example expects. */
async function strangeDevice(): Promise<Endpoint> {
  return await Endpoint.start({ identity: await createIdentity(), interfaces: ["lo"] });
}

/** Waits until a file is there, or gone. */
async function untilFile(path: string, isThere: boolean): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (await Deno.stat(path).then(() => true, () => false) !== isThere) {
    assert.ok(performance.now() < deadline, `${path} is ${isThere ? "not " : ""}there`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The first match in a stream, which stays unread from there on. */
async function find(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!pattern.test(text)) {
    const { value, done } = await reader.read();
    assert.ok(!done, `ended with ${JSON.stringify(text)}`);
    text += value;
  }
  return pattern.exec(text)![0];
}

const ID = /[0-9a-f]{64}/;

Deno.test("example: hello", async () => {
  await using examples = new Examples();
  const id = await find(examples.start("hello_server.ts").stdout, ID);
  assert.match(await examples.said("hello_client.ts", id), /^hello, [0-9a-f]{64}\n$/);
});

Deno.test("example: hello: callers who hang up before they are greeted end nothing", async () => {
  await using examples = new Examples();
  const id = await find(examples.start("hello_server.ts").stdout, ID);
  await using stranger = await strangeDevice();
  for (let call = 0; call < 10; call++) (await stranger.connect(id, "hello")).reset();
  assert.match(await examples.said("hello_client.ts", id), /^hello, /);
});

Deno.test("example: chat", async () => {
  await using examples = new Examples();
  const called = examples.start("chat.ts");
  const id = await find(called.stderr, ID);
  const caller = examples.start("chat.ts", id);
  const type = async (child: Deno.ChildProcess, line: string) => {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(line));
    writer.releaseLock();
  };
  await type(caller, "are you there?\n");
  await type(called, "I am\n");
  await find(called.stdout, /are you there\?\n/);
  await find(caller.stdout, /I am\n/);
});

Deno.test("example: file drop", async () => {
  await using examples = new Examples();
  const { directory } = examples;
  await Deno.mkdir(`${directory}/box`);
  await Deno.writeTextFile(`${directory}/letter.txt`, "dear all");
  const id = await find(examples.start("file_drop.ts", "box").stdout, ID);
  assert.equal(await examples.said("file_drop.ts", id, "letter.txt"), "thank you\n");
  assert.equal(await Deno.readTextFile(`${directory}/box/letter.txt`), "dear all");
  const again = examples.start("file_drop.ts", id, "letter.txt");
  assert.match(new TextDecoder().decode((await again.output()).stderr), /such a file already/);
});

Deno.test("example: file drop: who hangs up ends no other's drop, and keeps no name", async () => {
  await using examples = new Examples();
  const { directory } = examples;
  await Deno.mkdir(`${directory}/box`);
  await Deno.writeTextFile(`${directory}/letter.txt`, "dear all");
  const id = await find(examples.start("file_drop.ts", "box").stdout, ID);
  await using stranger = await strangeDevice();
  const channel = await stranger.connect(id, "drop:letter.txt");
  await channel.write(new Uint8Array(100));
  await untilFile(`${directory}/box/letter.txt`, true);
  // Meanwhile others are served.
  await Deno.writeTextFile(`${directory}/card.txt`, "dear you");
  assert.equal(await examples.said("file_drop.ts", id, "card.txt"), "thank you\n");
  channel.reset();
  await untilFile(`${directory}/box/letter.txt`, false);
  assert.equal(await examples.said("file_drop.ts", id, "letter.txt"), "thank you\n");
  assert.equal(await Deno.readTextFile(`${directory}/box/letter.txt`), "dear all");
});

Deno.test("example: a web service by key", async () => {
  await using examples = new Examples();
  const id = await find(examples.start("http_by_key.ts").stdout, ID);
  const address = await find(examples.start("http_by_key.ts", id, "0").stdout, /http:\S+\n/);
  const answers = await Promise.all(
    ["one", "two", "three"].map(async (path) => (await fetch(address.trim() + path)).text()),
  );
  assert.deepEqual(answers, ["one", "two", "three"].map((path) => `you asked for /${path}\n`));
});

Deno.test("example: a web service by key: a visit that comes to nothing ends no others", async () => {
  await using examples = new Examples();
  const bringing = examples.start("http_by_key.ts", "nobody", "0");
  const address = await find(bringing.stdout, /http:\S+\n/);
  const visit = () => fetch(address.trim()).then(() => {}, () => {});
  await visit();
  await visit();
  await find(bringing.stderr, /^(\S.*\n){2}/);
});
