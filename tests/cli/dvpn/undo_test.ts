import assert from "node:assert/strict";
import { AppliedPlan } from "../../../cmd/dvpn/plan/network_plan.ts";
import { fileState, perform } from "../../../cmd/dvpn/plan/perform.ts";
import type { Action } from "../../../cmd/dvpn/plan/action.ts";
import { isAlive, ownMark, type ProcessMark } from "../../../cmd/dvpn/undo/process_mark.ts";
import { ThisHost } from "../../../cmd/dvpn/undo/this_host.ts";

/** A directory for journals, and files to change. */
async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function leave(directory: string, process: ProcessMark, undo: Action[]): Promise<void> {
  await Deno.writeTextFile(
    `${directory}/${process.network}-${process.pid}.journal`,
    JSON.stringify({ process, undo }),
  );
}

/** The one journal there is. */
function journalOf(directory: string): string {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  return `${directory}/${names.find((name) => name.endsWith(".journal"))}`;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** This process in a life before. */
const dead = (): ProcessMark => ({ ...ownMark(), startTime: "1" });

Deno.test("dvpn undo: the journal knows of a plan before it is begun, and not when it is undone", async () => {
  await inDirectory(async (directory) => {
    const journal = () => [...Deno.readDirSync(directory)].map(({ name }) => name);
    const seen: string[][] = [];
    const host = new ThisHost(directory);
    host.perform = (action) => {
      seen.push(journal());
      return perform(action);
    };
    const file = `${directory}/made`;
    const plan = await AppliedPlan.apply([{ apply: ["touch", file], undo: ["rm", file] }], host);
    assert.equal(seen[0]!.length, 1);
    assert.equal(Deno.statSync(`${directory}/${seen[0]![0]}`).mode! & 0o777, 0o600);
    assert.ok(exists(file));
    await plan.undo();
    assert.deepEqual(journal(), []);
  });
});

Deno.test("dvpn undo: what a dead process has left is undone, in its order; the rest is left alone", async () => {
  await inDirectory(async (directory) => {
    const log = `${directory}/log`;
    const note = (word: string): Action => ["sh", "-c", `echo ${word} >> ${log}`];
    await leave(directory, dead(), [note("a"), ["false"], note("b")]);
    await leave(directory, { ...dead(), network: "1", pid: 7 }, [note("elsewhere")]);
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    const stat = Deno.readTextFileSync(`/proc/${child.pid}/stat`);
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
    const living = { ...ownMark(), pid: child.pid, startTime };
    assert.ok(isAlive(living));
    await leave(directory, living, [note("living")]);
    await Deno.writeTextFile(`${directory}/1-1.journal`, "{ not a record");
    assert.equal((await new ThisHost(directory).undoLeft()).count, 1);
    assert.equal(await Deno.readTextFile(log), "a\nb\n");
    assert.equal((await new ThisHost(directory).undoLeft()).count, 0);
    child.kill("SIGKILL");
    await child.status;
    assert.ok(!isAlive(living));
    assert.equal((await new ThisHost(directory).undoLeft()).count, 1);
    assert.equal(await Deno.readTextFile(log), "a\nb\nliving\n");
  });
});

Deno.test("dvpn undo: what the next start takes over is kept", async () => {
  await inDirectory(async (directory) => {
    const [one, other] = [["touch", `${directory}/one`], ["touch", `${directory}/other`]];
    await leave(directory, dead(), [one, other]);
    const { undoKept } = await new ThisHost(directory).undoLeft(one);
    assert.ok(!exists(`${directory}/one`));
    assert.ok(exists(`${directory}/other`));
    // Should this process be killed, too, the next one knows.
    assert.match(
      await Deno.readTextFile(journalOf(directory)),
      /"undo":\[\["touch","[^"]*one"\]\]/,
    );
    await undoKept!();
    assert.ok(exists(`${directory}/one`));
    assert.equal((await new ThisHost(directory).undoLeft(one)).undoKept, undefined);
  });
});

Deno.test("dvpn undo: after a reboot, files are all that is left to bring back", async () => {
  await inDirectory(async (directory) => {
    const [file, log] = [`${directory}/resolv.conf`, `${directory}/log`];
    await Deno.writeTextFile(file, "ours");
    await leave(directory, { ...dead(), boot: "before", network: "1" }, [
      ["touch", log],
      { file, state: { text: "theirs", mode: 0o640 }, insteadOf: "ours" },
    ]);
    assert.equal((await new ThisHost(directory).undoLeft()).count, 1);
    assert.deepEqual(await fileState(file), { text: "theirs", mode: 0o640 });
    assert.ok(!exists(log));
  });
});

Deno.test("dvpn undo: a setting that another process needs stays, and its former value is known", async () => {
  await inDirectory(async (directory) => {
    const sysctl = "net/ipv4/ip_forward";
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    const stat = Deno.readTextFileSync(`/proc/${child.pid}/stat`);
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
    const other = { ...ownMark(), pid: child.pid, startTime };
    await leave(directory, other, [{ sysctl, value: "what it was" }]);
    const host = new ThisHost(directory);
    assert.equal(await host.sysctlBefore(sysctl), "what it was");
    // It would fail otherwise: there is no such value.
    await host.undo({ sysctl, value: "what it was" });
    child.kill("SIGKILL");
    await child.status;
    assert.match((await host.sysctlBefore(sysctl))!, /^[01]$/);
  });
});

Deno.test("dvpn undo: files, links and nothing come back as they were", async () => {
  await inDirectory(async (directory) => {
    const file = `${directory}/x`;
    const states = [
      { text: "one\n", mode: 0o644 },
      { link: "../somewhere/else" },
      { absent: true },
      { text: "two\n", mode: 0o600 },
    ] as const;
    for (const state of states) {
      await perform({ file, state });
      assert.deepEqual(await fileState(file), state);
    }
    await perform({ file, state: { absent: true }, insteadOf: "somebody's" });
    assert.deepEqual(await fileState(file), states[3]);
    await assert.rejects(perform({ file: `${directory}/none/x`, state: states[0] }), /printf/);
  });
});
