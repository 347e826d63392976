import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
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

/** Another process that runs. */
async function withLiving(work: (living: ProcessMark) => Promise<void>): Promise<void> {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    const stat = Deno.readTextFileSync(`/proc/${child.pid}/stat`);
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
    await work({ ...ownMark(), pid: child.pid, startTime });
  } finally {
    child.kill("SIGKILL");
    await child.status;
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
    // It could not be undone at the time, and belongs by now to the one that runs.
    await leave(directory, { ...dead(), pid: 8 }, [note("living")]);
    await Deno.writeTextFile(`${directory}/1-1.journal`, "{ not a record");
    assert.equal((await new ThisHost(directory).undoLeft()).count, 2);
    assert.equal(await Deno.readTextFile(log), "a\nb\n");
    child.kill("SIGKILL");
    await child.status;
    assert.ok(!isAlive(living));
    assert.equal((await new ThisHost(directory).undoLeft()).count, 1);
    assert.equal(await Deno.readTextFile(log), "a\nb\nliving\n");
  });
});

Deno.test("dvpn undo: what fails is named, and tried again until it is done", async () => {
  await inDirectory(async (directory) => {
    const [log, there] = [`${directory}/log`, `${directory}/there`];
    const needs = ["sh", "-c", `test -e ${there} || { echo not there >&2; exit 1; }`];
    // One whose number is ours now, as in containers, and one of another number.
    for (const pid of [Deno.pid, 7]) {
      const note = ["sh", "-c", `echo ${pid === 7 ? "other" : "same"} >> ${log}`];
      await leave(directory, { ...dead(), pid }, [note, needs, ["dvpn-lacks-it"]]);
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      const { failed } = await new ThisHost(directory).undoLeft();
      assert.equal(failed.length, 4);
      assert.match(failed[0]!, /test -e .*: not there$/);
      assert.match(failed[1]!, /there is no dvpn-lacks-it/);
      // These are remembered as ours as long as this process runs, which it does in the test.
      const ours = `${directory}/${ownMark().network}-${Deno.pid}.journal`;
      const { undo } = JSON.parse(await Deno.readTextFile(ours));
      assert.deepEqual(undo, [needs, ["dvpn-lacks-it"]]);
      await leave(directory, dead(), undo);
    }
    assert.deepEqual((await Deno.readTextFile(log)).trim().split("\n").sort(), ["other", "same"]);
    await Deno.writeTextFile(there, "");
    assert.equal((await new ThisHost(directory).undoLeft()).failed.length, 2);
  });
});

Deno.test("dvpn undo: what is gone already is undone", async () => {
  await inDirectory(async (directory) => {
    const says = (text: string) => ["sh", "-c", `echo '${text}' >&2; exit 2`];
    await leave(directory, dead(), [
      says("Error: Could not process rule: No such file or directory"),
      says('Cannot find device "dvpn0"'),
      says("RTNETLINK answers: No such process"),
      says("Error: ipv4: FIB table does not exist."),
      says("Error: ipv4: Address not found."),
      says('Failed to resolve interface "dvpn0": No such device'),
      { file: `${directory}/none`, state: { absent: true } },
      { sysctl: "net/ipv4/conf/dvpn-none/forwarding", value: "0" },
    ]);
    assert.deepEqual((await new ThisHost(directory).undoLeft()).failed, []);
    assert.equal((await new ThisHost(directory).undoLeft()).count, 0);
  });
});

Deno.test("dvpn undo: the journal keeps what a plan could not undo", async () => {
  await inDirectory(async (directory) => {
    const undo = ["test", "-e", `${directory}/there`];
    const plan = [{ apply: ["true"], undo: ["true"] }, { apply: ["true"], undo }];
    const applied = await AppliedPlan.apply(plan, new ThisHost(directory));
    await applied.undo();
    assert.deepEqual(JSON.parse(await Deno.readTextFile(journalOf(directory))).undo, [undo]);
    await Deno.writeTextFile(undo[2]!, "");
    await applied.undo();
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["there"]);
  });
});

Deno.test("dvpn undo: --cleanup names what it could not undo, and fails", async () => {
  await inDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/dvpn`);
    await leave(`${directory}/dvpn`, dead(), [["true"], ["false"]]);
    const program = fileURLToPath(new URL("../../../cmd/dvpn.ts", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--unstable-net", program, "--cleanup"],
      env: { STATE_DIRECTORY: directory, HOME: directory },
      signal: AbortSignal.timeout(20_000),
    }).output();
    assert.equal(code, 1);
    assert.equal(new TextDecoder().decode(stdout), "");
    assert.match(new TextDecoder().decode(stderr), /not undone.*\n.*false/);
    assert.match(await Deno.readTextFile(journalOf(`${directory}/dvpn`)), /"undo":\[\["false"\]\]/);
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
    const host = new ThisHost(directory);
    await withLiving(async (other) => {
      await leave(directory, other, [{ sysctl, value: "what it was" }]);
      assert.equal(await host.sysctlBefore(sysctl), "what it was");
      // It would fail otherwise: there is no such value.
      await host.undo({ sysctl, value: "what it was" });
    });
    assert.match((await host.sysctlBefore(sysctl))!, /^[01]$/);
  });
});

Deno.test("dvpn undo: a rule that two processes need is shared, and goes with the last one", async () => {
  await inDirectory(async (directory) => {
    const rule = `${directory}/rule`;
    // What the kernel answers is the same: "File exists".
    const plan = [{ apply: ["mkdir", rule], undo: ["rmdir", rule] }];
    const host = new ThisHost(directory);
    await Deno.mkdir(rule);
    // Somebody else's is not ours to share.
    await assert.rejects(AppliedPlan.apply(plan, host), /File exists/);
    await withLiving(async (other) => {
      await leave(directory, other, [["rmdir", rule]]);
      const applied = await AppliedPlan.apply(plan, host);
      await applied.undo();
      assert.ok(exists(rule));
    });
    await host.undo(["rmdir", rule]);
    assert.ok(!exists(rule));
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

Deno.test("dvpn undo: a file that cannot be replaced is left alone, and so is what a link leads to", async () => {
  await inDirectory(async (directory) => {
    // There is no room in the name for that of the file that would replace it.
    const [file, link] = ["f", "l"].map((letter) => `${directory}/${letter.repeat(250)}`);
    await Deno.writeTextFile(file!, "before");
    await Deno.writeTextFile(`${directory}/target`, "before");
    await Deno.symlink("target", link!);
    for (const path of [file!, link!]) {
      const state = { text: "ours", mode: 0o644 };
      await assert.rejects(perform({ file: path, state }), /printf.*cannot write/);
      assert.equal(await Deno.readTextFile(path), "before");
    }
  });
});
