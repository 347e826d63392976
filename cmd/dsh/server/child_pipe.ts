import { RoomyPipe } from "../../../lib/net/roomy_pipe.ts";
import { BulkWay } from "../../peer/bulk_way.ts";

/** A pipe between us and a program that we have just started, for bulk data. */
export class ChildPipe {
  /** Carries what goes at once. */
  readonly bulk: BulkWay;
  #pipe: RoomyPipe | undefined;
  #isClosed = false;

  /**
   * @param descriptor the program's end of it
   * @param access what we do with it
   */
  constructor(pid: number, descriptor: 0 | 1 | 2, access: "read" | "write") {
    // Now, because later the program may have something else there.
    const name = linkOf(`/proc/${pid}/fd/${descriptor}`);
    this.bulk = new BulkWay(() => {
      const pipe = this.#isClosed || name === undefined ? undefined : ourEnd(name, access);
      this.#pipe = pipe;
      return pipe && ((bytes) => this.#isClosed ? 0 : pipe[access](bytes));
    });
  }

  /** Lets go of it, where it was opened: until then the program sees no end. */
  close(): void {
    this.#isClosed = true;
    this.#pipe?.close();
    this.#pipe = undefined;
  }
}

/** Opens the pipe of that name once more. Only what we have ourselves is opened. */
function ourEnd(name: string, access: "read" | "write"): RoomyPipe | undefined {
  const ours = ownDescriptors().find((descriptor) =>
    linkOf(`/proc/self/fd/${descriptor}`) === name
  );
  return ours === undefined ? undefined : RoomyPipe.open(Number(ours), access);
}

function ownDescriptors(): string[] {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name);
  } catch {
    return []; // none is left to look with
  }
}

function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}
