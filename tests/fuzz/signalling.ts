/** The sealed messages of a set-up, whole: the tag, the handshake and what it carries. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { SignallingError } from "../../lib/endpoint/signalling/mod.ts";
import { TAG_LENGTH } from "../../lib/endpoint/signalling/outer_tag.ts";
import {
  dial,
  FROM,
  listen,
  OFFER,
  setting,
  tagged,
} from "../endpoint/signalling/signalling_setting.ts";
import type { FuzzTarget } from "./target.ts";

/** Requests that a listener gets, and answers that a dialler gets. */
export async function signallingMessages(): Promise<readonly FuzzTarget[]> {
  const { alice, bob } = await setting();
  const { sealed } = dial(alice, bob.id);
  const dialling = dial(alice, bob.id);
  const { sealed: answer } = (await listen(bob).readRequest(dialling.sealed, FROM)).accept(OFFER);
  const sound = new Set([sealed, answer].map(bytesToHex));

  const judge = async (bytes: Uint8Array, reading: Promise<unknown>) => {
    try {
      await reading;
    } catch (error) {
      if (error instanceof SignallingError) return;
      throw error;
    }
    if (!sound.has(bytesToHex(bytes))) throw new Error("a message that nobody sealed is accepted");
  };
  return [
    {
      name: "sealed request",
      samples: [sealed],
      start() {
        const listening = listen(bob);
        let now = 0;
        return {
          take: (bytes) =>
            judge(bytes, listening.readRequest(bytes, { source: "x", now: now += 9 })),
        };
      },
    },
    {
      // As one makes it who knows the id: the tag fits, and the handshake is looked at.
      name: "tagged request",
      samples: [sealed.subarray(1 + TAG_LENGTH)],
      start() {
        const listening = listen(bob);
        let now = 0;
        return {
          take(bytes) {
            const whole = tagged(bob.id, bytes);
            // Slowly enough for all of them to be looked at.
            now += 1_000;
            return judge(whole, listening.readRequest(whole, { source: `${now}`, now }));
          },
        };
      },
    },
    {
      name: "sealed answer",
      samples: [answer],
      start: () => {
        const fresh = dial(alice, bob.id);
        return { take: (bytes) => judge(bytes, fresh.readAnswer(bytes)) };
      },
    },
  ];
}
