import type { Account } from "../../server/account.ts";

/** Whose rights a process takes on. */
export type Rights = Pick<Account, "name" | "uid" | "gid">;

const SYMBOLS = {
  initgroups: { parameters: ["buffer", "u32"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
} as const;

/**
 * Takes on the rights of a user, for good and in all threads: libc changes them together
 * (nptl(7)).
 *
 * @throws {Error} when any thread has other rights afterwards
 */
export function takeOnRights({ name, uid, gid }: Rights): void {
  const { initgroups, setgid, setuid } = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  const user = new TextEncoder().encode(`${name}\0`);
  if (initgroups(user, gid) !== 0 || setgid(gid) !== 0 || setuid(uid) !== 0) {
    throw new Error(`cannot take on the rights of ${name}`);
  }
  for (const { name: thread } of Deno.readDirSync("/proc/self/task")) {
    const status = Deno.readTextFileSync(`/proc/self/task/${thread}/status`);
    const numbers = (field: string) =>
      new RegExp(`^${field}:\\s+(.*)$`, "m").exec(status)?.[1]?.split(/\s+/) ?? [];
    const isChanged = numbers("Uid").every((number) => Number(number) === uid) &&
      numbers("Gid").every((number) => Number(number) === gid) &&
      (uid === 0 || numbers("CapEff").every((bits) => /^0+$/.test(bits)));
    if (!isChanged) throw new Error(`a thread does not have the rights of ${name}`);
  }
}
