import type { EncapsulationKeyPair, KeyEncapsulation } from "../noise/mod.ts";

/**
 * Makes each key pair before it is asked for, from the second one on: they are made on another thread,
 * and a dial would wait for it. No key is handed out twice.
 */
export class ReadyKeys implements KeyEncapsulation {
  readonly #kem: KeyEncapsulation;
  #next: Promise<EncapsulationKeyPair> | undefined;

  /** Makes none yet. */
  constructor(kem: KeyEncapsulation) {
    this.#kem = kem;
  }

  generateKeyPair(): Promise<EncapsulationKeyPair> {
    const pair = this.#next ?? this.#kem.generateKeyPair();
    this.#next = pair.then(() => this.#kem.generateKeyPair());
    this.#next.catch(() => this.#next = undefined); // whoever asks next will see
    return pair;
  }

  encapsulate(publicKey: Uint8Array): ReturnType<KeyEncapsulation["encapsulate"]> {
    return this.#kem.encapsulate(publicKey);
  }

  /** Erases the one that nobody has asked for, as soon as it has been made. */
  async close(): Promise<void> {
    const next = this.#next;
    this.#next = undefined;
    await next?.then((pair) => pair.erase(), () => {});
  }
}
