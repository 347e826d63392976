import type { Action } from "./action.ts";

/** A change and, where it has one, the change that undoes it. */
export interface PlanStep {
  readonly apply: Action;
  /** What brings back the state from before; absent where that goes with something else. */
  readonly undo?: Action;
  /** It goes with the interface, so nobody needs to undo it after this process was killed. */
  readonly isTransient?: boolean;
}

/** Changes to this host's network, in the order to make them. */
export type NetworkPlan = readonly PlanStep[];

/** Forgets what has been undone; what has failed stays remembered. */
export type Forget = (failed: readonly Action[]) => Promise<void>;

/** Where plans are applied: this host, or what stands for it in a test. */
export interface PlanHost {
  /**
   * Makes one change.
   *
   * @param undo what undoes it, if anything does: that tells changes that can be shared
   * @throws {ToolError} with the change and what went wrong
   */
  perform(action: Action, undo?: Action): Promise<void>;
  /** Takes one back. @throws as {@linkcode PlanHost.perform} */
  undo(action: Action): Promise<void>;
  /**
   * Remembers what would undo a plan, so that the next start can do it should this process be
   * killed.
   *
   * @returns what forgets it, but for what could not be undone
   */
  remember(undo: readonly Action[]): Promise<Forget>;
}

/** A host that other processes change as well. */
export interface NetworkHost extends PlanHost {
  /**
   * The value to go back to when a setting of the kernel is not needed any more: the one that it
   * has, or had before another process that runs has changed it. Undefined when there is none.
   */
  sysctlBefore(sysctl: string): Promise<string | undefined>;
  /** Whether another process that runs has changed a file. */
  isFileTaken(file: string): Promise<boolean>;
}

/**
 * Makes the changes of a plan and takes them back, in the opposite order.
 *
 * ```
 *   apply() ──all made──▶ applied ──undo()──▶ as before
 *      └──one fails──▶ those made are undone, the failure is thrown
 * ```
 */
export class AppliedPlan {
  readonly #host: PlanHost;
  readonly #forget: Forget;
  readonly #made: PlanStep[] = [];

  private constructor(host: PlanHost, forget: Forget) {
    this.#host = host;
    this.#forget = forget;
  }

  /** @throws what a change throws, when everything made before has been undone */
  static async apply(plan: NetworkPlan, host: PlanHost): Promise<AppliedPlan> {
    const undo = plan.filter(({ isTransient = false }) => !isTransient)
      .map((step) => step.undo).filter((action) => action !== undefined);
    const applied = new AppliedPlan(host, await host.remember(undo.reverse()));
    try {
      for (const step of plan) {
        await host.perform(step.apply, step.undo);
        applied.#made.push(step);
      }
    } catch (error) {
      await applied.undo();
      throw error;
    }
    return applied;
  }

  /**
   * Undoes what was made. A change that fails does not keep the others from being made; it stays
   * remembered, and can be tried again.
   */
  async undo(): Promise<void> {
    const failed: PlanStep[] = [];
    for (let step = this.#made.pop(); step !== undefined; step = this.#made.pop()) {
      const { undo } = step;
      if (undo !== undefined) await this.#host.undo(undo).catch(() => failed.unshift(step!));
    }
    this.#made.push(...failed);
    await this.#forget(failed.map(({ undo }) => undo!).reverse());
  }
}
