/**
 * Has the JavaScript engine look for garbage now, which takes tens of milliseconds. In a process that
 * has nothing to do it would not, and what Deno gives back with an object alone stays: the socket of a
 * QUIC endpoint, although it was closed.
 *
 * @returns false where the engine is another one than V8, or does not let itself be asked
 */
export async function collectGarbage(): Promise<boolean> {
  try {
    const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
      import("node:v8"),
      import("node:vm"),
    ]);
    // Whoever runs us need not know: the function is not in the global object.
    setFlagsFromString("--expose-gc");
    runInNewContext("gc")();
    return true;
  } catch {
    return false;
  }
}
