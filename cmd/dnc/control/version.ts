/** Of what two `dnc` say over a control socket; both have to speak the same. */
export const CONTROL_VERSION = 1;
