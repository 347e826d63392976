import { shellLine } from "../../tool/invocation.ts";
import type { NetworkPlan } from "./network_plan.ts";

/** The commands of a plan, one a line, as a shell takes them. */
export function showPlan(plan: NetworkPlan): string {
  return plan.map(({ apply }) => `${shellLine(apply)}\n`).join("");
}
