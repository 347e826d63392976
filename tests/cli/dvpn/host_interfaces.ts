/** Longer than `lib/net/host_addresses.ts` believes what the system said, ms. */
const FORGOTTEN_MS = 60;

/** Has the host other addresses, such as `eth0 192.168.1.7/24`, for the time of a test. */
export async function withInterfaces(
  list: readonly string[],
  test: () => Promise<void>,
): Promise<void> {
  const { networkInterfaces } = Deno;
  Deno.networkInterfaces = () =>
    list.map((line): Deno.NetworkInterfaceInfo => {
      const [name = "", cidr = ""] = line.split(" ");
      const address = cidr.slice(0, cidr.indexOf("/"));
      const rest = { netmask: "", mac: "", scopeid: null };
      return { name, cidr, address, family: address.includes(":") ? "IPv6" : "IPv4", ...rest };
    });
  try {
    await new Promise((resolve) => setTimeout(resolve, FORGOTTEN_MS));
    await test();
  } finally {
    Deno.networkInterfaces = networkInterfaces;
  }
}
