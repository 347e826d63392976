import { fileURLToPath } from "node:url";
import { type Background, eventually, run } from "./command.ts";
import type { Lab } from "./lab.ts";

const ENTRY = fileURLToPath(new URL("../../cmd/dsh.ts", import.meta.url));

/** A `dsh -l` in a lab, and what its clients are started with. */
export interface DshSite {
  readonly server: Background;
  /** The command of a client, without options and command of its own. */
  readonly client: readonly string[];
}

/** Starts a server for one device in a lab, on loopback. */
export async function startDsh(lab: Lab, ...args: string[]): Promise<DshSite> {
  const dsh = (home: string) =>
    lab.namespace.inside(
      ...["env", `DHTNET_CONFIG_DIR=${lab.directory}/${home}`, `DENO_DIR=${lab.denoDirectory}`],
      ...[Deno.execPath(), "run", "-A", "--unstable-net", ENTRY],
    );
  const clientId = (await run(...dsh("dsh-client"), "--id")).trim();
  // Its background() enters the namespace by itself.
  const server = lab.background(
    ...["env", `DHTNET_CONFIG_DIR=${lab.directory}/dsh-server`, `DENO_DIR=${lab.denoDirectory}`],
    ...[Deno.execPath(), "run", "-A", "--unstable-net", ENTRY],
    ...["-l", "--interface", "lo", "--allow-peer", clientId, ...args],
  );
  const [, id] = await server.shows(/listening, id ([0-9a-f]{64})/);
  return { server, client: [...dsh("dsh-client"), "--interface", "lo", id!] };
}

/** A terminal of 80 columns and 24 rows with a shell in it, by tmux. */
export class Tmux implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Opens it. */
  static async open(lab: { readonly directory: string }): Promise<Tmux> {
    const tmux = new Tmux(`${lab.directory}/tmux`);
    await tmux.#do("new-session", "-d", "-x", "80", "-y", "24", "env PS1='here> ' sh");
    return tmux;
  }

  /** Types keys by their tmux names, or texts. */
  async type(...keys: string[]): Promise<void> {
    await this.#do("send-keys", ...keys);
  }

  /** Pastes a text, marked as such where the program asks for that. */
  async paste(text: string): Promise<void> {
    await this.#do("set-buffer", text);
    await this.#do("paste-buffer", "-p", "-r");
  }

  /** Changes the size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#do("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What is on the screen. */
  async screen(): Promise<string> {
    return await this.#do("capture-pane", "-p");
  }

  /** Waits until a pattern shows. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    let match: RegExpExecArray | null = null;
    let screen = "";
    await eventually(`${pattern} shows`, async () => {
      match = pattern.exec(screen = await this.screen());
      return match !== null;
    }).catch((cause) => {
      throw new Error(`${cause.message} in:\n${screen}`);
    });
    return match!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#do("kill-server").catch(() => {});
  }

  async #do(...words: string[]): Promise<string> {
    return await run("tmux", "-u", "-f", "/dev/null", "-S", this.#socket, ...words);
  }
}
