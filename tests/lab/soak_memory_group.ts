/** A control group of the kernel that bounds the memory of processes. */
export interface MemoryGroup extends AsyncDisposable {
  /** Takes a process in, which may have so many bytes from now on. */
  take(pid: number, bytes: number): Promise<void>;
}

/** Where groups are made, and what their bound is called: of the kernel's version 2, or 1. */
const PLACES = [
  { root: "/sys/fs/cgroup", bound: "memory.max" },
  { root: "/sys/fs/cgroup/memory", bound: "memory.limit_in_bytes" },
] as const;

/** A group of its own; undefined, and said, where this machine lets nobody make one. */
export async function memoryGroup(): Promise<MemoryGroup | undefined> {
  for (const { root, bound } of PLACES) {
    const path = `${root}/dhtnet-soak-${Deno.pid}`;
    const removed = () => Deno.remove(path).catch(() => {});
    try {
      await Deno.mkdir(path);
      await Deno.stat(`${path}/${bound}`);
    } catch {
      await removed();
      continue;
    }
    return {
      async take(pid, bytes) {
        await Deno.writeTextFile(`${path}/cgroup.procs`, String(pid));
        await Deno.writeTextFile(`${path}/${bound}`, String(Math.round(bytes)));
      },
      async [Symbol.asyncDispose]() {
        // Those that were killed in it have to be gone.
        for (let attempt = 0; attempt < 40; attempt++) {
          if (await Deno.remove(path).then(() => true, () => false)) return;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        throw new Error(`${path} is not empty`);
      },
    };
  }
  console.log("soak: no memory group can be made here, so no process runs out of memory");
  return undefined;
}
