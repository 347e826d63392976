import { readSome, serve } from "./workload.ts";

/** Whether a program is installed. */
async function installed(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["-V"], stdout: "null", stderr: "null" })
      .output()).success;
  } catch {
    return false;
  }
}

/**
 * Bulk throughput of a TLS tunnel between two socat processes, where socat and openssl are
 * installed: plain TCP in, TLS across, plain TCP out.
 */
export async function tlsTunnel(
  directory: string,
  bulkBytes: number,
): Promise<{ name: string; bulkMBps: number }[]> {
  if (!await installed("socat")) return [];
  const pem = `${directory}/tls.pem`;
  const made = await new Deno.Command("openssl", {
    args: ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
      .concat(["-subj", "/CN=localhost", "-days", "1", "-keyout", pem, "-out", `${pem}.crt`]),
    stderr: "null",
  }).output();
  if (!made.success) return [];
  await Deno.writeTextFile(pem, await Deno.readTextFile(`${pem}.crt`), { append: true });
  const target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ports = [0, 0].map(() => {
    using probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return probe.addr.port;
  });
  const tunnel = [
    [
      `OPENSSL-LISTEN:${ports[1]},bind=127.0.0.1,cert=${pem},verify=0,nodelay`,
      `TCP:127.0.0.1:${target.addr.port},nodelay`,
    ],
    [
      `TCP-LISTEN:${ports[0]},bind=127.0.0.1,nodelay`,
      // The other one may not listen yet.
      `OPENSSL:127.0.0.1:${ports[1]},verify=0,nodelay,retry=60,interval=0.05`,
    ],
  ].map((ends) =>
    new Deno.Command("socat", { args: ["-b", "65536", ...ends], stderr: "null" }).spawn()
  );
  try {
    const accepted = target.accept().then(serve);
    accepted.catch(() => {}); // what went wrong before is what is to be told
    const connection = await dialWithin(ports[0]!, 3_000);
    const header = new Uint8Array(9);
    header[0] = 0x42;
    new DataView(header.buffer).setBigUint64(1, BigInt(bulkBytes));
    await connection.write(header);
    const chunk = new Uint8Array(256 * 1024).fill(7);
    const start = performance.now();
    for (let sent = 0; sent < bulkBytes;) {
      sent += await connection.write(chunk.subarray(0, Math.min(chunk.length, bulkBytes - sent)));
    }
    await readSome(connection, new Uint8Array(1));
    const seconds = (performance.now() - start) / 1000;
    connection.close();
    await accepted;
    return [{ name: "socat TLS tunnel", bulkMBps: bulkBytes / 1e6 / seconds }];
  } finally {
    for (const child of tunnel) {
      try {
        child.kill("SIGTERM");
      } catch {
        // ended with its connection
      }
      await child.status;
    }
    target.close();
  }
}

/** socat needs a moment to listen. */
async function dialWithin(port: number, timeoutMs: number): Promise<Deno.TcpConn> {
  const deadline = performance.now() + timeoutMs;
  while (true) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch (cause) {
      if (performance.now() > deadline) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
