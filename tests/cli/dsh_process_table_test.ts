import assert from "node:assert/strict";
import { endProcesses } from "../../cmd/dsh/server/end_processes.ts";
import { foregroundGroup, processesOf } from "../../cmd/dsh/server/process_table.ts";

const EMFILE = () => {
  throw Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
};

/** Does something while a function of the runtime fails, so many times, for want of descriptors. */
async function without<K extends "readDir" | "readTextFileSync">(
  name: K,
  times: number,
  work: () => Promise<void>,
): Promise<void> {
  const real = Deno[name] as (...args: unknown[]) => unknown;
  let left = times;
  Object.assign(Deno, { [name]: (...args: unknown[]) => left-- > 0 ? EMFILE() : real(...args) });
  try {
    await work();
  } finally {
    Object.assign(Deno, { [name]: real });
  }
}

/** A program in a session of its own that SIGHUP does not end. */
async function stubborn(): Promise<Deno.ChildProcess> {
  const script = "trap '' HUP; echo ready; while :; do sleep 0.1; done";
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", script],
    ...{ stdin: "null", stdout: "piped", stderr: "null" },
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.cancel().catch(() => {});
  return child;
}

for (const name of ["readDir", "readTextFileSync"] as const) {
  Deno.test({
    name: `dsh's programs: one is ended also if no descriptor is left for a while (${name})`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const child = await stubborn();
      try {
        await without(name, 3, async () => {
          await assert.rejects(processesOf(child.pid), /Too many open files/);
          assert.equal(name === "readDir" || foregroundGroup(child.pid) === undefined, true);
          await endProcesses(child.pid);
        });
        assert.deepEqual(await processesOf(child.pid), []);
      } finally {
        try {
          Deno.kill(child.pid, "SIGKILL");
        } catch {
          // As it should be, it has ended.
        }
        assert.equal((await child.status).signal, "SIGKILL");
      }
    },
  });
}

Deno.test({
  name: "dsh's programs: that no descriptor is ever left is no failure, and is not waited for",
  ignore: Deno.build.os !== "linux",
  fn: () => without("readDir", Infinity, () => endProcesses(Deno.pid)),
});
