/** The account that the packages make for the service `dnc`. */
const SERVICE_ACCOUNT = "dhtnet";

/** Where the packages put the description of the service. */
const UNIT = "/usr/lib/systemd/system/dnc.service";

/** Whether this machine has the service. */
export async function hasService(): Promise<boolean> {
  return await Deno.stat(UNIT).then(() => true, () => false);
}

/**
 * Gives a file that only its owner may read to the account of the service, if there is one. The
 * identity is not among them: the service manager hands that over.
 */
export async function giveToService(path: string): Promise<void> {
  // Only root gives files away.
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return;
  const account = await serviceAccount();
  if (account !== undefined) await Deno.chown(path, account.uid, account.gid);
}

async function serviceAccount(): Promise<{ uid: number; gid: number } | undefined> {
  const accounts = await Deno.readTextFile("/etc/passwd").catch(() => "");
  const line = accounts.split("\n").find((line) => line.startsWith(`${SERVICE_ACCOUNT}:`));
  const [, , uid, gid] = (line ?? "").split(":").map(Number);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
