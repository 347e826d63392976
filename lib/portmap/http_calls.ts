import type { HttpResponse } from "./http_response.ts";

/** How long a router may take for one answer, in milliseconds. */
export const HTTP_TIMEOUT_MS = 5_000;
/** The most requests at one time: many routers serve them one by one. */
const MAX_UNDER_WAY = 2;

/** A request that the driver is to carry out, once, following no redirection. */
export interface HttpRequest {
  /** Names it in {@linkcode HttpCalls.handleResponse}. */
  readonly id: number;
  /** What to do. */
  readonly method: "GET" | "POST";
  /** On the gateway's own address, which has been checked. */
  readonly url: string;
  /** Beyond Host, Content-Length and Connection. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty for GET. */
  readonly body: string;
}

type OnResponse = (response: HttpResponse | undefined, now: number) => void;

/** Requests over HTTP, some at a time, each answered exactly once. */
export class HttpCalls {
  readonly #queue: { request: HttpRequest; onResponse: OnResponse }[] = [];
  readonly #underWay = new Map<number, OnResponse>();
  #id = 0;

  /** Queues a request; `undefined` comes back when there is no whole answer. */
  start(request: Omit<HttpRequest, "id">, onResponse: OnResponse): void {
    this.#queue.push({ request: { ...request, id: ++this.#id }, onResponse });
  }

  /** The next request to carry out, while not too many are under way. */
  poll(): HttpRequest | undefined {
    if (this.#underWay.size >= MAX_UNDER_WAY) return undefined;
    const next = this.#queue.shift();
    if (next !== undefined) this.#underWay.set(next.request.id, next.onResponse);
    return next?.request;
  }

  /**
   * The answer, or undefined for none in {@linkcode HTTP_TIMEOUT_MS}, none that can be decoded, no
   * connection.
   *
   * @returns false when no such request is under way
   */
  handleResponse(id: number, response: HttpResponse | undefined, now: number): boolean {
    const onResponse = this.#underWay.get(id);
    this.#underWay.delete(id);
    onResponse?.(response, now);
    return onResponse !== undefined;
  }
}
