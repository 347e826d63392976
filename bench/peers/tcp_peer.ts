// Plain TCP in Deno: what the machine gives without encryption, discovery or multiplexing.
import { measure, openEcho, serve } from "../workload.ts";

const [role, port = "0", bulkBytes, warmDials, echoes] = Deno.args;
const dial = async () => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  connection.setNoDelay(true);
  return connection;
};
if (role === "server") {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(JSON.stringify({ port: listener.addr.port }));
  for await (const connection of listener) {
    connection.setNoDelay(true);
    serve(connection);
  }
} else if (role === "client") {
  const amounts = {
    bulkBytes: Number(bulkBytes),
    warmDials: Number(warmDials),
    echoes: Number(echoes),
  };
  console.log(JSON.stringify(await measure(dial, (stream) => stream.close(), amounts)));
} else {
  (await openEcho(dial)).close();
  console.log(JSON.stringify({ ok: true }));
}
