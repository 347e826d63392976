// hyperdht under Node, in the three roles of the benchmark: `testnet`, `server`, `client`, `once`.
// Each prints one JSON line on standard output. Loopback only.
import { createRequire } from "node:module";
import process from "node:process";
import { Buffer } from "node:buffer";

const require = createRequire(`${process.env.HYPERDHT_DIR}/`);
const DHT = require("hyperdht");
const createTestnet = require("hyperdht/testnet");

const [role, ...rest] = process.argv.slice(2);
const print = (value) => console.log(JSON.stringify(value));
const node = (port) =>
  new DHT({ bootstrap: [{ host: "127.0.0.1", port: Number(port) }], host: "127.0.0.1" });
const firstByte = (socket) =>
  new Promise((resolve, reject) => {
    socket.once("data", resolve);
    socket.once("error", reject);
  });

function serve(socket) {
  let command, left = 0;
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  socket.on("data", (bytes) => {
    if (command === undefined) {
      command = bytes[0];
      if (command === 0x42) left = Number(bytes.readBigUInt64BE(1));
      bytes = bytes.subarray(command === 0x42 ? 9 : 1);
    }
    if (command !== 0x42) return void (bytes.length > 0 && socket.write(bytes));
    left -= bytes.length;
    if (left === 0) socket.write(Buffer.from([process.memoryUsage().rss / 2 ** 20]));
  });
}

async function client(port, key, bulkBytes, warm, echoes) {
  const dht = node(port);
  await dht.fullyBootstrapped();
  const open = (command) => {
    const socket = dht.connect(Buffer.from(key, "hex"));
    socket.write(command);
    return socket;
  };
  const setupMs = [];
  for (let i = 0; i < warm; i++) {
    const start = performance.now();
    const socket = open(Buffer.from("Ex"));
    await firstByte(socket);
    setupMs.push(performance.now() - start);
    await new Promise((resolve) => socket.on("close", resolve).destroy());
  }
  const echo = open(Buffer.from("Ex"));
  await firstByte(echo);
  const echoUs = [], message = Buffer.alloc(64, 1);
  for (let i = 0; i < echoes; i++) {
    const start = performance.now();
    echo.write(message);
    for (let got = 0; got < 64;) got += (await firstByte(echo)).length;
    echoUs.push((performance.now() - start) * 1000);
  }
  echo.destroy();
  const header = Buffer.alloc(9);
  header[0] = 0x42;
  header.writeBigUInt64BE(BigInt(bulkBytes), 1);
  const bulk = open(header);
  const chunk = Buffer.alloc(65536, 7);
  const done = firstByte(bulk);
  await new Promise((resolve) => bulk.once("open", resolve));
  const start = performance.now();
  for (let sent = 0; sent < bulkBytes; sent += chunk.length) {
    if (!bulk.write(chunk)) await new Promise((resolve) => bulk.once("drain", resolve));
  }
  await done;
  const seconds = (performance.now() - start) / 1000;
  print({
    setupMs,
    echoUs,
    bulkMBps: bulkBytes / 1e6 / seconds,
    rssMB: process.memoryUsage().rss / 2 ** 20,
  });
  process.exit(0);
}

async function once(port, key) {
  const socket = node(port).connect(Buffer.from(key, "hex"));
  socket.write("Ex");
  await firstByte(socket);
  print({ ok: true });
  process.exit(0);
}

if (role === "testnet") {
  const testnet = await createTestnet(5, { host: "127.0.0.1" });
  print({ port: testnet.bootstrap[0].port });
} else if (role === "server") {
  const server = node(rest[0]).createServer(serve);
  await server.listen();
  print({ key: Buffer.from(server.address().publicKey).toString("hex") });
} else if (role === "client") {
  await client(rest[0], rest[1], Number(rest[2]), Number(rest[3]), Number(rest[4]));
} else {
  await once(rest[0], rest[1]);
}
