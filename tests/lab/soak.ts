/**
 * What hours of trouble do to those who run for long: killed peers, no descriptors, no memory, full
 * disks, wrong clocks, cut networks, servers that restart, in turn until `SOAK_MINUTES` are over. By
 * `deno task soak` alone: on a machine that is busy with other tests calls time out. What can be done
 * in three minutes is in `soak_test.ts`.
 */
import { natLabTest } from "./nat/nat_lab_test_case.ts";
import { FAULTS } from "./soak_faults.ts";
import { soak, SOAK_PLAN } from "./soak_rounds.ts";

const MINUTES = Number(Deno.env.get("SOAK_MINUTES") ?? 1);
/** Two rounds, and at the end everything may take longer than each part of it alone. */
const SLACK_MS = 20 * 60_000;

natLabTest(
  `soak: ${MINUTES} minutes of trouble leave a listener as it was`,
  SOAK_PLAN,
  (lab) => soak(lab, FAULTS, MINUTES * 60_000),
  { timeoutMs: MINUTES * 60_000 + SLACK_MS },
);
