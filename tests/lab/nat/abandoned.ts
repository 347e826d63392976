import { run } from "../command.ts";

/** The names of a lab's namespaces and directories, with the id of the process that made them. */
const NAME = /^dhtnet-\S+-(\d+)-\w+$/;

/** Where labs keep their files. */
export const LAB_FILES = "/tmp";

/** Removes the namespaces and files of labs whose makers were killed before they could do so. */
export async function removeAbandoned(): Promise<void> {
  for await (const { name } of Deno.readDir(LAB_FILES)) {
    const maker = NAME.exec(name)?.[1];
    if (maker === undefined || await isRunning(maker)) continue;
    await Deno.remove(`${LAB_FILES}/${name}`, { recursive: true }).catch(() => {
      // another lab was faster
    });
  }
  const names = (await run("ip", "netns", "list")).split("\n").map((line) => line.split(" ")[0]!);
  for (const name of names) {
    const maker = NAME.exec(name)?.[1];
    if (maker === undefined || await isRunning(maker)) continue;
    const inside = await run("ip", "netns", "pids", name).catch(() => "");
    for (const pid of inside.split("\n").filter((line) => line !== "")) {
      try {
        Deno.kill(Number(pid), "SIGKILL");
      } catch {
        // it has ended already
      }
    }
    await run("ip", "netns", "delete", name).catch(() => {
      // another lab was faster
    });
  }
}

async function isRunning(pid: string): Promise<boolean> {
  try {
    await Deno.stat(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}
