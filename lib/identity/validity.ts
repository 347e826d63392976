/** How long a certificate is valid unless told otherwise, in years. */
export const VALIDITY_YEARS = 10;

/** Longest validity that may be asked for, in days. */
export const MAX_VALIDITY_DAYS = 36_500;

/** How long a certificate is to be valid. */
export interface ValidityOptions {
  /**
   * Days from now, 1 to {@linkcode MAX_VALIDITY_DAYS}. Default: {@linkcode VALIDITY_YEARS} years.
   */
  readonly days?: number | undefined;
  /** The time it is made, the present by default. */
  readonly now?: Date | undefined;
}
