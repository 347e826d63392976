import {
  type IntegrityAlgorithm,
  longTermKey,
  type MessageWriter,
  Nonce,
  PasswordAlgorithm,
  PasswordAlgorithmNumber,
  PasswordAlgorithms,
  type PasswordAlgorithmValue,
  Realm,
  type StunMessage,
  Userhash,
  userhash,
  Username,
} from "../stun/mod.ts";
import { errorOfCode, TurnError } from "./error.ts";
import { nonceFeatures } from "./nonce_cookie.ts";

/** The account at the TURN server. */
export interface TurnCredentials {
  /** Used as it is. */
  readonly username: string;
  /** The server proves that it knows it, too. */
  readonly password: string;
  /** When given, the password is used only toward a server that names this realm. */
  readonly realm?: string;
}

/** What the server wants to see in requests, from its last 401 or 438. */
interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  /** As received: the request has to repeat it (RFC 8489 §9.2.5). */
  readonly offered: readonly PasswordAlgorithmValue[] | undefined;
  readonly algorithm: "md5" | "sha256";
  readonly anonymous: boolean;
}

/** How a request was protected, and so its answer must be. */
export interface Signature {
  readonly key: Uint8Array;
  readonly integrity: IntegrityAlgorithm;
  readonly realm: string;
}

/**
 * The client's half of the long-term credential mechanism (RFC 8489 §9.2): the first request goes
 * out without credentials, the 401 brings realm and nonce, a 438 a newer nonce. SHA-256 is used
 * when the server offers it (RFC 8656 §6), USERHASH when its nonce asks for it.
 */
export class Authentication {
  readonly #credentials: TurnCredentials | undefined;
  #challenge: Challenge | undefined;
  #key: { realm: string; algorithm: string; key: Uint8Array } | undefined;

  /** @param credentials without them a server that asks for some is an error */
  constructor(credentials: TurnCredentials | undefined) {
    this.#credentials = credentials;
  }

  /** One for another connection to the same server, which has nonces of its own. */
  fork(): Authentication {
    const fork = new Authentication(this.#credentials);
    fork.#challenge = this.#challenge;
    fork.#key = this.#key;
    return fork;
  }

  /** Adds credentials and integrity to a request; undefined when nobody has asked for them. */
  sign(message: MessageWriter): Signature | undefined {
    const challenge = this.#challenge, credentials = this.#credentials;
    if (challenge === undefined || credentials === undefined) return undefined;
    const { realm, nonce, offered, algorithm, anonymous } = challenge;
    if (anonymous) message.add(Userhash, userhash(credentials.username, realm));
    else message.add(Username, credentials.username);
    message.add(Realm, realm).add(Nonce, nonce);
    if (offered !== undefined) {
      const number = algorithm === "sha256"
        ? PasswordAlgorithmNumber.Sha256
        : PasswordAlgorithmNumber.Md5;
      message.add(PasswordAlgorithms, offered)
        .add(PasswordAlgorithm, { algorithm: number, parameters: new Uint8Array(0) });
    }
    const integrity = offered === undefined ? "sha1" : "sha256";
    const key = this.#keyFor(credentials, realm, algorithm);
    message.addIntegrity(key, integrity);
    return { key, integrity, realm };
  }

  /**
   * Takes a 401 or 438 in.
   *
   * @param signature of the request that was refused
   * @returns undefined when the request may be sent again, else why not
   * @throws {StunDecodeError} when an attribute is malformed
   */
  handleChallenge(
    message: StunMessage,
    stunCode: 401 | 438,
    reason: string,
    signature: Signature | undefined,
  ): TurnError | undefined {
    const credentials = this.#credentials;
    if (credentials === undefined) {
      return new TurnError("bad-credentials", "the TURN server asks for a user name and password", {
        stunCode,
      });
    }
    const realm = message.get(Realm) ?? (stunCode === 438 ? this.#challenge?.realm : undefined);
    const nonce = message.get(Nonce);
    if (realm === undefined || nonce === undefined) {
      return new TurnError("protocol", `the TURN server's ${stunCode} lacks realm or nonce`);
    }
    if (credentials.realm !== undefined && credentials.realm !== realm) {
      const text = `the TURN server's realm is ${JSON.stringify(realm)}, not ${
        JSON.stringify(credentials.realm)
      }`;
      return new TurnError("bad-credentials", text, { stunCode });
    }
    // RFC 8489 §9.2.5: the same user, realm and password would be refused again
    if (stunCode === 401 && signature?.realm === realm) return errorOfCode(401, reason);
    return this.#accept(message, realm, nonce);
  }

  #accept(message: StunMessage, realm: string, nonce: string): TurnError | undefined {
    const offered = message.get(PasswordAlgorithms);
    const features = nonceFeatures(nonce);
    if (features.passwordAlgorithms && offered === undefined) {
      const text = "the TURN server's list of password algorithms was removed on the way";
      return new TurnError("integrity", text);
    }
    const algorithm = offered === undefined ? "md5" : choose(offered);
    if (algorithm === undefined) {
      return new TurnError("protocol", "the TURN server takes no password algorithm that we have");
    }
    this.#challenge = {
      realm,
      nonce,
      // views into the server's message do not last
      offered: offered?.map(({ algorithm, parameters }) => ({
        algorithm,
        parameters: parameters.slice(),
      })),
      algorithm,
      anonymous: features.usernameAnonymity,
    };
    return undefined;
  }

  #keyFor({ username, password }: TurnCredentials, realm: string, algorithm: "md5" | "sha256") {
    if (this.#key?.realm !== realm || this.#key.algorithm !== algorithm) {
      const key = longTermKey({ username, realm, password }, algorithm);
      this.#key = { realm, algorithm, key };
    }
    return this.#key.key;
  }
}

/** SHA-256 whenever it is offered (RFC 8656 §6), wherever it stands in the list. */
function choose(offered: readonly PasswordAlgorithmValue[]): "md5" | "sha256" | undefined {
  const has = (number: number) =>
    offered.some(({ algorithm, parameters }) => algorithm === number && parameters.length === 0);
  if (has(PasswordAlgorithmNumber.Sha256)) return "sha256";
  return has(PasswordAlgorithmNumber.Md5) ? "md5" : undefined;
}
