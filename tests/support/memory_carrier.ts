import type {
  CarrierListener,
  CarryOptions,
  RequestReceiver,
  SignallingCarrier,
} from "../../lib/endpoint/signalling/mod.ts";
import { SignallingError } from "../../lib/endpoint/signalling/mod.ts";

/** What a test may do to the messages on their way. */
export interface MemoryCarrierOptions {
  /** The requests that arrive instead of one that was sent: none, others, or several. */
  readonly onRequest?: (listenerId: string, sealed: Uint8Array) => Uint8Array[];
  /** The answers that arrive instead of one that was sent, in order. */
  readonly onAnswer?: (sealed: Uint8Array) => Uint8Array[];
}

/** Carries signalling messages between endpoints of one process. Keeps all that it saw. */
export class MemoryCarrier implements SignallingCarrier {
  /** Every request carried, for replays. */
  readonly requests: { listenerId: string; sealed: Uint8Array }[] = [];
  /** Every answer carried. */
  readonly answers: Uint8Array[] = [];
  readonly #options: MemoryCarrierOptions;
  readonly #receivers = new Map<string, Set<RequestReceiver>>();

  constructor(options: MemoryCarrierOptions = {}) {
    this.#options = options;
  }

  /** Waits until an answer is accepted or the signal ends it, as a request through the DHT does. */
  request(
    listenerId: string,
    sealedRequest: Uint8Array,
    { signal, accept }: CarryOptions = {},
  ): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    if (signal?.aborted) return Promise.reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason));
    const offer = async (sealed: Uint8Array): Promise<void> => {
      try {
        if (accept === undefined || await accept(sealed)) resolve(sealed);
      } catch (error) {
        reject(error);
      }
    };
    this.requests.push({ listenerId, sealed: sealedRequest.slice() });
    const arriving = this.#options.onRequest?.(listenerId, sealedRequest) ?? [sealedRequest];
    const receivers = this.#receivers.get(listenerId);
    if (receivers === undefined) {
      reject(new SignallingError("unreachable", `nobody listens for ${listenerId}`));
    }
    for (const sealed of arriving) this.deliver(listenerId, sealed, (answer) => offer(answer));
    return promise;
  }

  /** Brings a request to the listeners of an id, as an attacker may too. */
  deliver(
    listenerId: string,
    sealed: Uint8Array,
    onAnswer: (sealed: Uint8Array) => Promise<void> | void = () => {},
  ): void {
    for (const receiver of this.#receivers.get(listenerId) ?? []) {
      let replied = false;
      const reply = async (answer: Uint8Array): Promise<void> => {
        if (replied) return;
        replied = true;
        this.answers.push(answer.slice());
        for (const arriving of this.#options.onAnswer?.(answer) ?? [answer]) {
          await onAnswer(arriving.slice());
        }
      };
      queueMicrotask(() => receiver(sealed.slice(), (answer) => void reply(answer), "memory"));
    }
  }

  listen(id: string, onRequest: RequestReceiver): Promise<CarrierListener> {
    const receivers = this.#receivers.get(id) ?? new Set();
    this.#receivers.set(id, receivers.add(onRequest));
    return Promise.resolve({
      close: () => {
        receivers.delete(onRequest);
        if (receivers.size === 0) this.#receivers.delete(id);
        return Promise.resolve();
      },
    });
  }
}
