/** A nonce that begins so says what security features its server has (RFC 8489 §9.2). */
const NONCE_COOKIE = "obMatJos2";
/** Base64 characters of the 24 feature bits. */
const FEATURES_LENGTH = 4;
/**
 * RFC 8489 §18.1 numbers the bits from the left; its appendix B.1 and erratum 6290 count from the
 * right, and servers of both kinds exist. No other bit is assigned, so either place counts.
 */
const PASSWORD_ALGORITHMS_BITS = 0x80_0001;
const USERNAME_ANONYMITY_BITS = 0x40_0002;

/** The security features that a server claims inside its nonce. */
export interface NonceFeatures {
  /** It has sent PASSWORD-ALGORITHMS; if that is missing, somebody took it out (bid-down). */
  readonly passwordAlgorithms: boolean;
  /** It takes USERHASH, which then must be used instead of USERNAME. */
  readonly usernameAnonymity: boolean;
}

/** What a nonce says; nothing when it does not begin with the cookie. */
export function nonceFeatures(nonce: string): NonceFeatures {
  const text = nonce.slice(NONCE_COOKIE.length, NONCE_COOKIE.length + FEATURES_LENGTH);
  const claimed = nonce.startsWith(NONCE_COOKIE) && /^[A-Za-z0-9+/]{4}$/.test(text);
  const bits = claimed
    ? [...atob(text)].reduce((sum, char) => sum << 8 | char.charCodeAt(0), 0)
    : 0;
  return {
    passwordAlgorithms: (bits & PASSWORD_ALGORITHMS_BITS) !== 0,
    usernameAnonymity: (bits & USERNAME_ANONYMITY_BITS) !== 0,
  };
}
