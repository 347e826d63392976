import { run } from "./command.ts";

/** Has a process that can open `spare` more files and sockets, while `work` runs. */
export async function withDescriptors(
  pid: number,
  spare: number,
  work: () => Promise<void>,
): Promise<void> {
  const prlimit = (...args: string[]) => run("prlimit", "--pid", String(pid), ...args);
  const [soft, hard] = (await prlimit("--nofile", "--noheadings", "-o", "SOFT,HARD"))
    .trim().split(/\s+/);
  await prlimit(`--nofile=${limitFor(pid, spare)}:${hard}`);
  try {
    await work();
  } finally {
    await prlimit(`--nofile=${soft}:${hard}`);
  }
}

/** The limit under which a process can open `spare` more: the system gives the lowest free number. */
function limitFor(pid: number, spare: number): number {
  const used = new Set([...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => Number(name)));
  let limit = 0;
  for (let free = 0; free < spare || used.has(limit); limit++) if (!used.has(limit)) free++;
  return limit;
}
