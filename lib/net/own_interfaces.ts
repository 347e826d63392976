/**
 * Names of the interfaces that this process has made. What goes through them goes on through our
 * own connections, so they are no way to a peer: a connection over one would run in circles.
 */
export const OWN_INTERFACES: Set<string> = new Set();
