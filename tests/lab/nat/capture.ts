import { fileURLToPath } from "node:url";
import { Background } from "../command.ts";
import type { NetworkNamespace } from "../namespace.ts";
import { type CapturedPacket, readPackets } from "./packet_capture.ts";
import { QUIET_DENO } from "./script.ts";

const PROGRAM = fileURLToPath(new URL("packet_capture.ts", import.meta.url));

/** A running record of all packets of a namespace, as a pcap file that other tools can read. */
export class Capture implements AsyncDisposable {
  readonly #process: Background;

  private constructor(process: Background, readonly file: string) {
    this.#process = process;
  }

  static async start(namespace: NetworkNamespace, file: string): Promise<Capture> {
    const command = [Deno.execPath(), "run", "-A", "--no-config", PROGRAM, file];
    const capture = new Capture(
      new Background(namespace.inside(...command), { env: QUIET_DENO }),
      file,
    );
    try {
      await capture.#process.shows(/ready/);
    } catch (error) {
      await capture[Symbol.asyncDispose]();
      throw error;
    }
    return capture;
  }

  /** Ends the record; the IP packets in it. */
  async stop(): Promise<CapturedPacket[]> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    return readPackets(this.file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
