/** The account that the packages make for the service `dnc`. */
export const SERVICE_ACCOUNT = "dhtnet";

/**
 * Gives files to the account of the service, so that it can read the keys that nobody else may.
 *
 * @returns whether there is such an account, and we may do so: only root gives files away
 */
export async function giveToService(paths: readonly string[]): Promise<boolean> {
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return false;
  const account = await serviceAccount();
  if (account === undefined) return false;
  for (const path of paths) await Deno.chown(path, account.uid, account.gid);
  return true;
}

async function serviceAccount(): Promise<{ uid: number; gid: number } | undefined> {
  const accounts = await Deno.readTextFile("/etc/passwd").catch(() => "");
  const line = accounts.split("\n").find((line) => line.startsWith(`${SERVICE_ACCOUNT}:`));
  const [, , uid, gid] = (line ?? "").split(":").map(Number);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
