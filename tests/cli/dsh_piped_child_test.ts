import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Child, OutputSource } from "../../cmd/dsh/server/child.ts";
import { startPiped } from "../../cmd/dsh/server/piped_child.ts";

const PIECE = 256 << 10;
const PIECES = 40;
/** What a pipe takes that nobody reads from, once it carries bulk data, bytes. */
const ROOMY_BYTES = 1 << 20;

function start(...program: string[]) {
  const account = { name: "me", uid: Deno.uid()!, gid: Deno.gid()!, home: "/", shell: "/bin/sh" };
  return startPiped({ program, environment: new Map(), account });
}

async function give(child: Child, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const rest = bytes.subarray(child.writeNow(bytes));
  if (rest.length > 0) await child.write(rest);
}

async function digest(source: OutputSource): Promise<string> {
  const hash = createHash("sha256");
  for (let piece = await source.read(); piece !== null; piece = await source.read()) {
    hash.update(piece);
  }
  return hash.digest("hex");
}

/** The pipes that are a program's standard streams, by their names. */
function pipesOf(pid: number): string[] {
  return [0, 1, 2].map((descriptor) => Deno.readLinkSync(`/proc/${pid}/fd/${descriptor}`));
}

/** Those of them of which we hold an end. */
function held(pipes: readonly string[]): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [Deno.readLinkSync(`/proc/self/fd/${name}`)];
    } catch {
      return []; // the directory's own
    }
  }).filter((link) => pipes.includes(link));
}

Deno.test({
  name: "dsh's programs: bulk data passes both ways, its end is seen, and no descriptor stays",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = start("cat");
    const pipes = pipesOf(child.pid);
    assert.equal(held(pipes).length, 3);
    const [output, errorOutput] = child.outputs;
    const [back, errors] = [digest(output!), digest(errorOutput!)];
    const hash = createHash("sha256");
    for (let count = 0; count < PIECES; count++) {
      // Also what is not a multiple of a page, and what is too little for the other way.
      const piece = crypto.getRandomValues(new Uint8Array(65_536)).subarray(0, 65_536 - count);
      const large = new Uint8Array(PIECE - count);
      large.set(piece);
      for (const bytes of [large, large.slice(0, count)]) {
        hash.update(bytes);
        await give(child, bytes);
      }
    }
    child.endInput();
    assert.equal(await back, hash.digest("hex"));
    assert.equal(await errors, createHash("sha256").digest("hex"));
    assert.deepEqual(await child.status, { code: 0 });
    child.release();
    child.close();
    // The runtime ends its own a turn later.
    for (let turn = 0; turn < 500 && held(pipes).length > 0; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(held(pipes), []);
  },
});

Deno.test({
  name:
    "dsh's programs: a pipe that carries bulk data has more room, and is gone when it is closed",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = start("sleep", "60");
    const piece = new Uint8Array(65_536);
    for (let sent = 0; sent < ROOMY_BYTES; sent += piece.length) await give(child, piece);
    child.close();
    Deno.kill(child.pid, "SIGTERM");
    assert.deepEqual(await child.status, { signal: "SIGTERM" });
    await give(child, piece);
  },
});
