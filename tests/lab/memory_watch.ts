const SAMPLE_INTERVAL_MS = 100;
const MIB = 1024 * 1024;

/** Samples the resident memory of a process until stopped. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #samples: number[] = [];
  #peak = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS);
  }

  /** Ends the sampling. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** The highest of all (the kernel's VmHWM), in MiB. */
  get peakMiB(): number {
    return this.#peak / MIB;
  }

  /** The highest VmRSS sampled in the first and in the second half of the time, in MiB. */
  get halvesMiB(): [number, number] {
    const middle = this.#samples.length >> 1;
    const highest = (samples: number[]) => Math.max(0, ...samples) / MIB;
    return [highest(this.#samples.slice(0, middle)), highest(this.#samples.slice(middle))];
  }

  #sample(): void {
    let status: string;
    try {
      status = Deno.readTextFileSync(`/proc/${this.#pid}/status`);
    } catch {
      return; // it has ended
    }
    const bytes = (name: string) => {
      const match = new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status);
      return match === null ? undefined : Number(match[1]) * 1024;
    };
    const resident = bytes("VmRSS");
    if (resident === undefined) return; // a zombie has none
    this.#samples.push(resident);
    this.#peak = bytes("VmHWM") ?? this.#peak;
  }
}
