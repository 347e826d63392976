import { createHash } from "node:crypto";
import type { DhtValue, Operation, PutOptions } from "../dht/mod.ts";
import type { DhtService } from "./dht_service.ts";
import {
  answerKey,
  type CarrierListener,
  type CarryOptions,
  inboxKey,
  MAX_SEALED_BYTES,
  type RequestReceiver,
  type SignallingCarrier,
  SignallingError,
} from "./signalling/mod.ts";

/** Tags our values, so that storers filter for us. */
const USER_TYPE = "dhtnet";
/** OpenDHT's type for user data: kept for 10 minutes. */
const USER_DATA = 0;
/** The DHT keeps a request for this long, ms: without an answer by then it has failed. */
export const DHT_REQUEST_TIMEOUT_MS = 10 * 60_000;
/**
 * Nodes at which a device listens for requests, and on which they are put: whoever wants to cut it off
 * has to run so many nodes next to its inbox key, in half as many networks. The key of an answer is
 * known to nobody beforehand.
 */
const INBOX_REPLICAS = 12;
/** How long an answer that does not arrive is looked after: put to nodes that turn up closer to its key. */
const ANSWER_UPKEEP_MS = 15_000;
/** Answers looked after at once; the oldest are left to the nodes that have them. */
const MAX_ANSWERS = 256;
/** How long `listen` waits for the first nodes to take it, in milliseconds. */
const LISTEN_READY_MS = 3_000;
/**
 * When a request that has no answer yet is put again, and the answer asked for, ms after its start: a
 * storer tells its listeners once, and a datagram may be lost.
 */
const REPEATS_MS = [2_500, 6_000, 12_000];
/** The source that all requests by the DHT share: storers do not tell who put a value. */
const SOURCE = "dht";

/**
 * Carries signalling over the DHT: a request is a value at the listener's inbox key, its answer a
 * value at a key derived from the request.
 */
export class DhtCarrier implements SignallingCarrier {
  readonly #dht: DhtService;

  /** Opens nothing yet. @param dht stays its owner's to close */
  constructor(dht: DhtService) {
    this.#dht = dht;
  }

  /**
   * Puts the request and listens for the answer, both at once.
   *
   * @throws {SignallingError} `timeout` after {@linkcode DHT_REQUEST_TIMEOUT_MS}; `oversize`; or the
   * signal's reason
   */
  async request(
    listenerId: string,
    sealedRequest: Uint8Array,
    options: CarryOptions = {},
  ): Promise<Uint8Array> {
    const { signal, accept, onStored } = options;
    signal?.throwIfAborted();
    const inbox = inboxKey(listenerId), request = sealedValue(sealedRequest);
    const answer = Promise.withResolvers<Uint8Array>();
    const onAbort = () => answer.reject(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const timer = setTimeout(() => {
      const seconds = DHT_REQUEST_TIMEOUT_MS / 1000;
      answer.reject(new SignallingError("timeout", `no answer by the DHT in ${seconds} s`));
    }, DHT_REQUEST_TIMEOUT_MS);
    const consider = async ({ data }: DhtValue) => {
      try {
        // Forgeries are passed over, however many: whoever sees the request can put them.
        if (accept === undefined || await accept(data)) answer.resolve(data);
      } catch (error) {
        answer.reject(error);
      }
    };
    // the request first: it has the longer way, and storers keep an answer that is early
    const putting = this.#put(inbox, request, { replicas: INBOX_REPLICAS }, onStored);
    const where = { userType: USER_TYPE };
    const onValues = (values: DhtValue[]) => values.forEach(consider);
    const key = answerKey(sealedRequest);
    const over = new AbortController();
    const operations = [putting, this.#dht.listen(key, { where, onValues })];
    const repeats = REPEATS_MS.map((afterMs, index) =>
      setTimeout(() => {
        // Under another id, or storers would take it for what their listeners know already. A
        // listener that has seen the request passes it over, as any replay.
        const repeated = { ...request, id: request.id ^ BigInt(index + 1) };
        operations.push(this.#put(inbox, repeated, { replicas: INBOX_REPLICAS }));
        this.#dht.get(key, { where, signal: over.signal }).then(onValues, () => {});
      }, afterMs)
    );
    try {
      return await answer.promise;
    } finally {
      [timer, ...repeats].forEach(clearTimeout);
      signal?.removeEventListener("abort", onAbort);
      over.abort();
      operations.forEach((operation) => operation.cancel());
    }
  }

  /**
   * Listens at the inbox of `id`. Resolves when the first nodes will tell of requests, at once when
   * there is no node yet, in any case after a few seconds, or when the service is closed; the listening
   * itself goes on until closed.
   */
  async listen(id: string, onRequest: RequestReceiver): Promise<CarrierListener> {
    const answers = new Map<Operation, ReturnType<typeof setTimeout>>();
    const drop = (operation: Operation) => {
      clearTimeout(answers.get(operation));
      if (!answers.delete(operation)) return;
      operation.cancel();
    };
    const reply = (request: Uint8Array, answer: Uint8Array, arrived?: Promise<void>) => {
      const operation = this.#put(answerKey(request), sealedValue(answer), {});
      answers.set(operation, setTimeout(() => drop(operation), ANSWER_UPKEEP_MS));
      arrived?.then(() => drop(operation));
      if (answers.size > MAX_ANSWERS) drop(answers.keys().next().value!);
    };
    const ready = Promise.withResolvers<void>();
    const listening = this.#dht.listen(inboxKey(id), {
      where: { userType: USER_TYPE },
      replicas: INBOX_REPLICAS,
      onReady: ready.resolve,
      onValues: (values) => {
        for (const { data } of values) {
          let answered = false;
          onRequest(data, (answer, arrived) => {
            if (!answered) reply(data, answer, arrived);
            answered = true;
          }, SOURCE);
        }
      },
    });
    if (this.#dht.status().status !== "disconnected") {
      const { ended } = this.#dht, giveUp = () => ready.resolve();
      const timer = setTimeout(giveUp, LISTEN_READY_MS);
      ended.addEventListener("abort", giveUp, { once: true });
      await ready.promise;
      ended.removeEventListener("abort", giveUp);
      clearTimeout(timer);
    }
    return {
      close: () => {
        listening.cancel();
        for (const operation of [...answers.keys()]) drop(operation);
        return Promise.resolve();
      },
    };
  }

  /**
   * Puts a value and looks after it until cancelled. A put that found no node to take it is made
   * anew as soon as there is one: a dialer need not be connected before it dials.
   */
  #put(
    key: Uint8Array,
    value: DhtValue,
    options: PutOptions,
    onStored?: (nodes: number) => void,
  ): Operation {
    let operation: Operation;
    let cancelled = false;
    let stopWaiting = () => {};
    const begin = () => {
      stopWaiting();
      operation = this.#dht.put(key, value, { ...options, permanent: true, onDone });
    };
    const onDone = (storedOn: number) => {
      onStored?.(storedOn);
      if (storedOn > 0 || cancelled) return;
      stopWaiting = this.#dht.onStatusChange(() => {
        if (this.#dht.status().status !== "connected") return;
        operation.cancel();
        begin();
      });
    };
    begin();
    return {
      cancel: () => {
        cancelled = true;
        stopWaiting();
        operation.cancel();
      },
    };
  }
}

/** The DHT value for a sealed message; its id follows from the content, so both can be put again. */
function sealedValue(sealed: Uint8Array): DhtValue {
  if (sealed.length > MAX_SEALED_BYTES) {
    throw new SignallingError("oversize", `${sealed.length} bytes are too many for the DHT`);
  }
  const id = createHash("sha256").update(sealed).digest().readBigUInt64BE(0);
  return { id: id === 0n ? 1n : id, type: USER_DATA, userType: USER_TYPE, data: sealed.slice() };
}
