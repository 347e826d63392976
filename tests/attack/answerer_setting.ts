import { Answerer } from "../../lib/endpoint/answer.ts";
import type { EndpointContext } from "../../lib/endpoint/context.ts";
import { ConnectError } from "../../lib/endpoint/errors.ts";
import {
  createRequest,
  type Dialling,
  type SignallingCarrier,
} from "../../lib/endpoint/signalling/mod.ts";
import { type Identity, type VerifiedChain, verifyChain } from "../../lib/identity/mod.ts";
import { pureKeyPair, pureMlKem768 } from "../../lib/noise/pure_ml_kem_768.ts";
import { OFFER } from "../endpoint/signalling/signalling_setting.ts";
import { clockOf, simulatedGathering } from "../support/simulated_gathering.ts";
import { SimulatedNetwork } from "../support/simulated_network.ts";
import { settle } from "../support/session_pair.ts";
import { THROWAWAY_NOW } from "../support/throwaway_identity.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

/** An endpoint's answering side under a virtual clock, with sockets that reach nobody. */
export class AnswererSetting {
  readonly network = new SimulatedNetwork();
  readonly answerer: Answerer;
  /** Gatherings begun: one for each set-up. */
  gathered = 0;
  /** Certificate chains checked. */
  verified = 0;
  readonly #identity: Identity;

  constructor(identity: Identity, { maxPending = 64 } = {}) {
    this.#identity = identity;
    const host = this.network.host("192.0.2.1");
    const context: EndpointContext = {
      identity,
      carrier: undefined as unknown as SignallingCarrier,
      clock: clockOf(this.network.clock),
      random,
      kem: pureMlKem768(random),
      transport: "tcp",
      gather: () => {
        this.gathered++;
        const local = { ip: "192.0.2.1", port: 1000 + this.gathered };
        return Promise.resolve(simulatedGathering(host, local, local));
      },
      verifyChain: (chain) => {
        this.verified++;
        return Promise.resolve(verifyChain(chain, THROWAWAY_NOW));
      },
      listening: () => false,
      doors: undefined,
      doorPort: () => undefined,
      datagramsHeard: () => 0,
      explainSilence: () => new ConnectError("timeout", "silence"),
    };
    this.answerer = new Answerer(context, {
      refusal: () => undefined,
      resumable: () => undefined,
      established: () => {},
    }, maxPending);
  }

  /** A request of a dialer to this endpoint. */
  dial(identity: Identity): Dialling<VerifiedChain> {
    return createRequest({
      identity,
      listenerId: this.#identity.id,
      offer: { ...OFFER, candidates: [], options: {} },
      encapsulationKeys: pureKeyPair(random),
      random,
      wallClock: Date.now,
      verifyChain: (chain) => verifyChain(chain, THROWAWAY_NOW),
    });
  }

  /** Brings a sealed request; the answers are collected in what is returned. */
  bring(sealed: Uint8Array): Uint8Array[] {
    const answers: Uint8Array[] = [];
    this.answerer.receive(sealed, (answer) => answers.push(answer), "dht");
    return answers;
  }

  /** Lets virtual time pass, and all promises settle. */
  async pass(ms: number, stepMs = 50): Promise<void> {
    const end = this.network.clock.now + ms;
    while (this.network.clock.now < end) {
      this.network.clock.run(this.network.clock.now + stepMs);
      for (let turn = 0; turn < 4; turn++) await settle();
    }
  }
}
