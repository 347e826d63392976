/**
 * Names of the interfaces that this process has made. What goes through them goes on through our
 * own connections, so they are no way to a peer: a connection over one would run in circles.
 */
export const OWN_INTERFACES: Set<string> = new Set();

/** What is known of the system's routes; filled in by whoever may make system calls. */
export const ROUTES: {
  /** The address that the kernel would call `remote` from; undefined when there is no way to it. */
  sourceFor?: (remote: string) => string | undefined;
} = {};
