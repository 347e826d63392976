import { ExitCode, ToolError, UsageError } from "../../tool/exit_code.ts";
import type { Console } from "../../tool/console.ts";

/** Answers that are not acceptable before the wizard gives up: a pipe may have no end of them. */
const MAX_ATTEMPTS = 10;

/** Turns an answer into a value, or throws {@linkcode UsageError} with what is wrong about it. */
export type Check<T> = (answer: string) => T | Promise<T>;

/** Asks questions. The end of input stands for the default of every question that is left. */
export class Questions {
  constructor(private readonly console: Console) {}

  /**
   * Asks until the answer is acceptable.
   *
   * @param preset the answer that an empty line stands for; shown in brackets
   * @throws {ToolError} usage, when the input ends with an answer that is not acceptable
   */
  async ask<T>(question: string, preset: string, check: Check<T>): Promise<T> {
    const prompt = `${this.#bold(question)}${preset === "" ? "" : ` [${preset}]`}: `;
    let complaint = "";
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      this.console.write(prompt);
      const line = await this.console.readLine();
      if (line === undefined && complaint !== "") break;
      const answer = line?.trim() || preset;
      // Nobody typed it, so nobody would see it.
      if (!this.console.interactive || line === undefined) this.console.write(`${answer}\n`);
      try {
        return await check(answer);
      } catch (error) {
        if (!(error instanceof ToolError) || line === undefined) throw error;
        complaint = error.message;
        this.warn(complaint);
      }
    }
    throw new ToolError(ExitCode.usage, `no acceptable answer to "${question}": ${complaint}`);
  }

  /** Asks for one of some words; an unambiguous beginning will do, in capitals, too. */
  choose<T extends string>(question: string, words: readonly T[], preset: T): Promise<T> {
    return this.ask(`${question} (${words.join(" or ")})`, preset, (answer) => {
      const matches = words.filter((word) => word.startsWith(answer.toLowerCase()));
      if (matches.length === 1) return matches[0]!;
      throw new UsageError(`please answer ${words.join(" or ")}`);
    });
  }

  /** Asks a question that is answered by yes or no. */
  async confirm(question: string, preset: boolean): Promise<boolean> {
    return await this.choose(question, ["yes", "no"], preset ? "yes" : "no") === "yes";
  }

  /**
   * Asks for a secret, which is not shown.
   *
   * @returns undefined for an empty answer
   */
  async secret(question: string): Promise<string | undefined> {
    this.console.write(`${this.#bold(question)}: `);
    const answer = await this.console.readSecret();
    if (!this.console.interactive) this.console.write("\n");
    return answer || undefined;
  }

  /** Says something, a paragraph of its own. */
  say(text: string): void {
    this.console.write(`${text}\n`);
  }

  /** Says what is wrong. */
  warn(text: string): void {
    this.console.write(`${this.console.colored ? `\x1b[33m${text}\x1b[0m` : text}\n`);
  }

  #bold(text: string): string {
    return this.console.colored ? `\x1b[1m${text}\x1b[0m` : text;
  }
}
