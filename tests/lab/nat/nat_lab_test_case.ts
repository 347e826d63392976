import { type LabPlan, NatLab } from "./lab.ts";

/** A test with a lab of its own, which is gone at the test's end or after the time-out. */
export function natLabTest(
  name: string,
  plan: LabPlan,
  test: (lab: NatLab, context: Deno.TestContext) => Promise<void>,
  { timeoutMs = 30_000 } = {},
): void {
  Deno.test(`nat lab: ${name}`, async (context) => {
    await using lab = await NatLab.create(plan);
    await bounded(lab, test(lab, context), timeoutMs);
  });
}

/** Waits for what happens in a lab; when it fails or takes too long, tells what everybody said. */
export async function bounded<T>(lab: NatLab, work: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`not done after ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  work.catch(() => {}); // reported below, or too late to matter
  try {
    return await Promise.race([work, late.promise]);
  } catch (error) {
    console.error(lab.log);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
