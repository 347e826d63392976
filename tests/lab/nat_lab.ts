/**
 * A network lab to try things in by hand: `deno run -A tests/lab/nat_lab.ts moderate strict`, as root.
 *
 * @module
 */
import { LAB_USAGE, parseLabArguments } from "./nat/lab_arguments.ts";
import { describeLab } from "./nat/lab_description.ts";
import { type LabPlan, NatLab } from "./nat/lab.ts";

/** Builds the lab, and keeps it until the person has enough of it. */
async function keep(plan: LabPlan): Promise<void> {
  const enough = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => enough.resolve());
  }
  await using lab = await NatLab.create(plan);
  console.log(`${describeLab(lab)}\n\nCtrl-C ends it.`);
  await enough.promise;
}

if (import.meta.main) {
  let plan: LabPlan | undefined;
  try {
    plan = parseLabArguments(Deno.args);
  } catch (error) {
    console.error(`lab: ${(error as Error).message}\n\n${LAB_USAGE}`);
    Deno.exit(2);
  }
  if (plan === undefined) console.log(LAB_USAGE);
  else await keep(plan);
  Deno.exit();
}
