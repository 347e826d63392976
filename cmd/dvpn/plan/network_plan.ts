/** A command and, where it has one, the command that undoes it. */
export interface PlanStep {
  /** The command line, without a shell. */
  readonly apply: readonly string[];
  /** What brings back the state from before; absent where that goes with something else. */
  readonly undo?: readonly string[];
}

/** Changes to this host's network, in the order to make them. */
export type NetworkPlan = readonly PlanStep[];

/** Runs one command to its end. @throws {ToolError} with the command and what it said */
export type CommandRunner = (command: readonly string[]) => Promise<void>;

/**
 * Makes the changes of a plan and takes them back, in the opposite order.
 *
 * ```
 *   apply() ──all made──▶ applied ──undo()──▶ as before
 *      └──one fails──▶ those made are undone, the failure is thrown
 * ```
 */
export class AppliedPlan {
  readonly #run: CommandRunner;
  readonly #made: PlanStep[] = [];

  private constructor(run: CommandRunner) {
    this.#run = run;
  }

  /** @throws what a command throws, when everything made before has been undone */
  static async apply(plan: NetworkPlan, run: CommandRunner): Promise<AppliedPlan> {
    const applied = new AppliedPlan(run);
    try {
      for (const step of plan) {
        await run(step.apply);
        applied.#made.push(step);
      }
    } catch (error) {
      await applied.undo();
      throw error;
    }
    return applied;
  }

  /** Undoes what was made. A command that fails does not keep the others from being run. */
  async undo(): Promise<void> {
    for (let step = this.#made.pop(); step !== undefined; step = this.#made.pop()) {
      if (step.undo !== undefined) await this.#run(step.undo).catch(() => {});
    }
  }
}
