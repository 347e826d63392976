/** What the data path needs of a TUN device; `TunDevice` of the library has it. */
export interface PacketDevice {
  /** Whether the kernel takes segmented UDP. */
  readonly segmentsUdp: boolean;
  /** Fills in the next packet behind its offload header; 0 when none waits. */
  read(into: Uint8Array<ArrayBuffer>): number;
  /** Gives a packet to the kernel; false when it is not taken. */
  write(packet: Uint8Array<ArrayBuffer>): boolean;
  /**
   * Waits until there is a packet to read.
   *
   * @param onTheSpot reads what there is, at once; the wait goes on when it says that this was all
   */
  readable(onTheSpot: () => boolean): Promise<void>;
}
