/** Why something in a tree cannot be read or stored: one sentence for people. */
export class TreeError extends Error {
  override readonly name = "TreeError";
}

/** Why the system did not do something, without the path, which may stand for a descriptor. */
export function systemReason(error: unknown): string {
  if (error instanceof TreeError) return error.message;
  if (error instanceof Deno.errors.NotFound) return "there is no such file or directory";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.AlreadyExists) return "there is something of that name already";
  if (!(error instanceof Error)) return String(error);
  const [reason = ""] = error.message.split(/ \(os error \d+\)/);
  return reason === "" ? error.name : reason.charAt(0).toLowerCase() + reason.slice(1);
}

/** Waits for something with a file; its failure becomes a {@linkcode TreeError}. */
export async function attempted<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    return attempt(() => {
      throw error;
    });
  }
}

/** Does something with a file; its failure becomes a {@linkcode TreeError}. */
export function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof TreeError ? error : new TreeError(systemReason(error), { cause: error });
  }
}
