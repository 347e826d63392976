/** Something that takes bytes from strangers. */
export interface FuzzTarget {
  readonly name: string;
  /** Sound inputs, from which others are made by changing them. */
  readonly samples: readonly Uint8Array[];
  /**
   * Makes what takes the inputs: a state machine takes many, one after the other, and may be asked
   * for what it holds.
   */
  start(): FuzzSubject;
}

/** What takes inputs. */
export interface FuzzSubject {
  /** Takes one input. A documented error is swallowed here; any other one is a finding. */
  take(bytes: Uint8Array<ArrayBuffer>): undefined | void | Promise<unknown>;
  /** Checks what must always hold, such as bounds on what is kept. */
  check?(): void;
}

/** A decoder, which throws one class of error or none. */
export function decoder(
  name: string,
  samples: readonly Uint8Array[],
  decode: (bytes: Uint8Array<ArrayBuffer>) => unknown,
  // deno-lint-ignore no-explicit-any
  documented?: new (...args: any[]) => Error,
): FuzzTarget {
  return {
    name,
    samples,
    start: () => ({
      take(bytes) {
        const judge = (error: unknown) => {
          if (documented === undefined || !(error instanceof documented)) throw error;
        };
        try {
          const result = decode(bytes);
          if (result instanceof Promise) return result.catch(judge);
        } catch (error) {
          judge(error);
        }
        return undefined;
      },
    }),
  };
}
