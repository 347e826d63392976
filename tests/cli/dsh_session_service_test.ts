import assert from "node:assert/strict";
import { FrameType, SERVER_TYPES } from "../../cmd/dsh/protocol/frame.ts";
import { FrameDecoder } from "../../cmd/dsh/protocol/frame_decoder.ts";
import { FrameWriter } from "../../cmd/dsh/protocol/frame_writer.ts";
import {
  encodeSessionRequest,
  type SessionRequest,
} from "../../cmd/dsh/protocol/session_request.ts";
import { Accounts } from "../../cmd/dsh/server/accounts.ts";
import { type SessionRules, SessionService } from "../../cmd/dsh/server/session_service.ts";
import { MemoryChannel } from "../support/memory_channel.ts";

/** Longest wait for anything here, ms. */
const PATIENCE_MS = 15_000;
const PEER = {
  ...{ id: "f00", chainIds: ["f00"], issuerId: "f00", subjects: ["me"], serialNumbers: ["1"] },
  notAfter: new Date(2 ** 42),
};
const TERMINAL = { columns: 80, rows: 24, type: "xterm" };

/** A client of a service in this process. */
interface Client {
  readonly near: MemoryChannel;
  readonly far: MemoryChannel;
  readonly writer: FrameWriter;
  /** Why the channel was declined. */
  declined: string | undefined;
  readonly served: Promise<void>;
}

/** Of the test that runs. */
const clients: Client[] = [];

function serviceTest(
  name: string,
  rules: Partial<SessionRules>,
  test: (service: SessionService) => Promise<void>,
  options: { readonly sanitizeOps?: boolean } = {},
): void {
  Deno.test({
    name: `dsh sessions: ${name}`,
    ignore: Deno.build.os !== "linux",
    ...options,
    async fn() {
      const quiet = { notice() {}, detail() {} };
      const service = new SessionService({
        policy: { binary: undefined, forcedCommand: undefined, allowedCommands: undefined },
        accounts: await Accounts.of(undefined, () => []),
        ...{ acceptedVariables: [], maxSessions: 9, idleTimeoutMs: undefined, keepMs: 60_000 },
        ...rules,
      }, { report: quiet, audit: quiet });
      await test(service);
      await within(service.close());
      assert.equal(service.size, 0);
      for (const { near } of clients) near.reset();
      await within(Promise.all(clients.splice(0).map(({ served }) => served)));
    },
  });
}

function connect(service: SessionService): Client {
  const [near, far] = MemoryChannel.pair("dsh://session", Promise.resolve());
  const client: Client = {
    ...{ near, far, writer: new FrameWriter(near), declined: undefined },
    served: Promise.resolve().then(() =>
      service.serve({
        ...{ peer: PEER, name: "dsh://session", accept: () => far },
        decline: (_, reason) => client.declined = reason,
      })
    ),
  };
  clients.push(client);
  return client;
}

async function ask(service: SessionService, request: Partial<SessionRequest>): Promise<Client> {
  const client = connect(service);
  const none = { binary: undefined, terminal: undefined, environment: [], kept: undefined };
  const payload = encodeSessionRequest({ command: undefined, ...none, ...request });
  await client.writer.send(FrameType.request, payload);
  return client;
}

/** Reads until a frame of that type has come; what it says. */
async function frame({ near }: Client, wanted: FrameType): Promise<string> {
  const decoder = new FrameDecoder(SERVER_TYPES);
  const buffer = new Uint8Array(65_536);
  while (true) {
    const count = await near.read(buffer);
    assert.ok(count !== null, `the channel ended without a frame of type ${wanted}`);
    for (const { type, payload } of decoder.decode(buffer.subarray(0, count))) {
      if (type === wanted) return new TextDecoder().decode(payload);
    }
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("that takes too long")), PATIENCE_MS);
  return await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !condition();) {
    assert.ok(performance.now() < end, "that takes too long");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// First, because others may leave an operation that is still under way, which is no leak.
serviceTest("one that ends while its client is gone leaves no timer", {}, async (service) => {
  const request = { command: "sleep 0.3", terminal: TERMINAL };
  const client = await ask(service, { ...request, kept: { name: "k", mode: "new" } });
  await within(frame(client, FrameType.started));
  client.near.close();
  await within(client.served);
  assert.equal(service.size, 1);
  await until(() => service.size === 0);
}, { sanitizeOps: true });

serviceTest(
  "a client that reads nothing does not hold up the end of the server",
  {},
  async (service) => {
    const client = await ask(service, { command: "cat /dev/zero" });
    await until(() => service.size === 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await within(service.close());
    await within(client.served);
    assert.equal(client.far.ending, "reset");
  },
);

serviceTest(
  "nor does it keep its place when it is idle",
  { idleTimeoutMs: 300 },
  async (service) => {
    const client = await ask(service, { command: "cat /dev/zero" });
    await until(() => service.size === 1);
    await until(() => service.size === 0);
    await within(client.served);
  },
);

serviceTest("nor is what it got taken from who attaches the session", {}, async (service) => {
  const kept = { name: "k" } as const;
  const command = "stty raw; head -c 500000 /dev/zero; exec cat";
  const former = await ask(service, {
    command,
    terminal: TERMINAL,
    kept: { ...kept, mode: "new" },
  });
  await until(() => service.size === 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const next = await ask(service, { terminal: TERMINAL, kept: { ...kept, mode: "attach" } });
  await within(former.served);
  await next.writer.send(FrameType.input, new TextEncoder().encode("echoed"));
  const decoder = new FrameDecoder(SERVER_TYPES);
  const buffer = new Uint8Array(65_536);
  let shown = "";
  while (!shown.includes("echoed")) {
    const count = await within(next.near.read(buffer));
    assert.ok(count !== null);
    for (const { payload } of decoder.decode(buffer.subarray(0, count))) {
      shown = shown.slice(-10) + new TextDecoder().decode(payload);
    }
  }
});

serviceTest("at the limit a kept one can be come back to", { maxSessions: 1 }, async (service) => {
  const request = { command: "echo; exec sleep 60", terminal: TERMINAL };
  const former = await ask(service, { ...request, kept: { name: "k", mode: "new" } });
  await within(frame(former, FrameType.output));
  former.near.close();
  await within(former.served);
  const other = await ask(service, { command: "true" });
  assert.match(await within(frame(other, FrameType.error)), /this peer has too many sessions/);
  const next = await ask(service, { terminal: TERMINAL, kept: { name: "k", mode: "attach" } });
  await within(frame(next, FrameType.started));
  assert.equal(next.declined, undefined);
  assert.equal(service.size, 1);
});

serviceTest("requests that do not come are bounded, too", { maxSessions: 2 }, async (service) => {
  connect(service);
  connect(service);
  await Promise.resolve();
  const third = connect(service);
  await within(third.served);
  assert.equal(third.declined, "this peer has too many sessions");
});

serviceTest("a request that comes when the server ends starts nothing", {}, async (service) => {
  const client = connect(service);
  await Promise.resolve();
  await service.close();
  const none = { binary: undefined, terminal: undefined, environment: [], kept: undefined };
  const payload = encodeSessionRequest({ command: "sleep 60", ...none });
  await client.writer.send(FrameType.request, payload);
  assert.match(await within(frame(client, FrameType.error)), /shutting down/);
});
