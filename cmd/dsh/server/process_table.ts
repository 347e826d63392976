/** Fields of /proc/PID/stat behind the name, counted from the state (proc(5)). */
const STATE = 0;
const SESSION = 3;
const TERMINAL_GROUP = 5;

/** The process group in the foreground of a process's terminal. */
export function foregroundGroup(pid: number): number | undefined {
  try {
    const group = Number(readStat(pid)?.[TERMINAL_GROUP]);
    return group > 0 ? group : undefined;
  } catch {
    return undefined; // no descriptor is left to look with
  }
}

/** Processes by the process session that they are in; what has ended and is not reaped is not. */
type SessionTable = ReadonlyMap<number, readonly number[]>;

let nextTable: Promise<SessionTable> | undefined;

/**
 * The processes of a process session. Whoever asks at the same time shares one look at the table.
 *
 * @param session process id of its leader
 * @throws {Error} when nobody can look now, for example because no descriptor is left
 */
export async function processesOf(session: number): Promise<readonly number[]> {
  nextTable ??= Promise.resolve().then(() => {
    nextTable = undefined;
    return readTable();
  });
  return (await nextTable).get(session) ?? [];
}

async function readTable(): Promise<SessionTable> {
  const table = new Map<number, number[]>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat === undefined || stat[STATE] === "Z") continue;
    const session = Number(stat[SESSION]);
    const members = table.get(session);
    if (members === undefined) table.set(session, [Number(name)]);
    else members.push(Number(name));
  }
  return table;
}

/**
 * The fields of a process; undefined where there is none, or it is hidden from us.
 *
 * @throws {Error} when that cannot be told now
 */
function readStat(pid: number): string[] | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name stands in parentheses and may hold anything, parentheses too.
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch (error) {
    if (isNoProcess(error)) return undefined;
    throw error;
  }
}

function isNoProcess(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    (error instanceof Error && "code" in error && error.code === "ESRCH");
}
