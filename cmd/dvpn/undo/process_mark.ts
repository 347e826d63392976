/** Tells a process from every other one, also after its number has been given to another. */
export interface ProcessMark {
  readonly pid: number;
  /** When it was started, in clock ticks since the system was. */
  readonly startTime: string;
  /** Names this run of the system. */
  readonly boot: string;
  /** Names its network namespace. */
  readonly network: string;
}

/** This process. */
export function ownMark(): ProcessMark {
  const boot = bootId();
  const { ino } = Deno.statSync("/proc/self/ns/net");
  return {
    pid: Deno.pid,
    startTime: startTime(Deno.pid) ?? "",
    boot,
    network: String(ino),
  };
}

/** Whether the process still runs. */
export function isAlive({ pid, startTime: started, boot }: ProcessMark): boolean {
  return boot === bootId() && startTime(pid) === started;
}

function bootId(): string {
  return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/** proc_pid_stat(5), field 22; the second one, the name, may hold anything. */
function startTime(pid: number): string | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A dead process whose parent has not looked yet does nothing any more.
    return state === "Z" || state === "X" ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
