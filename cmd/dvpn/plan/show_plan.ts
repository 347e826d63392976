import { showAction } from "./action.ts";
import type { NetworkPlan } from "./network_plan.ts";

/** The changes of a plan, one a line, as a shell takes them. */
export function showPlan(plan: NetworkPlan): string {
  return plan.map(({ apply }) => `${showAction(apply)}\n`).join("");
}
