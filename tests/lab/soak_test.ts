import { natLabTest } from "./nat/nat_lab_test_case.ts";
import { QUICK_FAULTS } from "./soak_faults.ts";
import { soak, SOAK_PLAN } from "./soak_rounds.ts";

natLabTest(
  "soak: kill -9, no descriptors, a full disk, no memory and wrong clocks leave a listener as it was",
  SOAK_PLAN,
  (lab) => soak(lab, QUICK_FAULTS, 0),
  { timeoutMs: 10 * 60_000 },
);
