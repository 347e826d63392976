/** What a process holds at a moment, as the kernel tells it. */
export interface Usage {
  /** Resident memory, MiB. */
  readonly memoryMiB: number;
  /** Open descriptors. */
  readonly descriptors: number;
  /** Sockets among them. */
  readonly sockets: number;
  readonly threads: number;
}

/** Looks at a process. */
export function usageOf(pid: number): Usage {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const number = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)![1]);
  const targets = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch {
      return ""; // closed meanwhile
    }
  });
  return {
    memoryMiB: number("VmRSS") / 1024,
    descriptors: targets.length,
    sockets: targets.filter((target) => target.startsWith("socket:")).length,
    threads: number("Threads"),
  };
}

/** How often all threads of a process woke up by themselves in a time, a second: its timers, at rest. */
export async function wakeUps(pid: number, ms: number): Promise<number> {
  const before = switches(pid);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return (switches(pid) - before) / ms * 1000;
}

function switches(pid: number): number {
  let sum = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const status = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
      sum += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)![1]);
    } catch {
      // the thread has ended
    }
  }
  return sum;
}

/** The files below a directory, sorted; sockets and directories among them. */
export function filesBelow(root: string): string[] {
  const files: string[] = [];
  const walk = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(root + path)) {
      files.push(`${path}/${name}`);
      if (isDirectory) walk(`${path}/${name}`);
    }
  };
  walk("");
  return files.sort();
}
