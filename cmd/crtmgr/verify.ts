import {
  CertificateError,
  decodeCertificate,
  readCertificateFile,
  refusalOf,
  type VerifiedChain,
  type VerifiedRevocationList,
  verifyChain,
} from "../../lib/identity/mod.ts";
import { ExitCode, UsageError } from "../tool/exit_code.ts";
import { jsonLine, writeError, writeOutput } from "../tool/output.ts";
import type { CommandContext } from "./commands.ts";
import { readAuthorities, readVerifiedLists } from "./authority_files.ts";

/** What a certificate is verified against. */
interface Trust {
  /** Certificates of the CAs, DER each. */
  readonly authorities: readonly Uint8Array[];
  readonly revocations: readonly VerifiedRevocationList[];
}

/**
 * `crtmgr verify`: whether a server that trusts these CAs, and knows these revocation lists, lets a
 * device in.
 */
export async function verify({ values, operands }: CommandContext): Promise<number> {
  if (values.ca.length === 0) throw new UsageError("verify needs the CA's certificate: --ca FILE");
  const now = new Date();
  const authorities = await readAuthorities(values.ca);
  const revocations = await readVerifiedLists(values.crl, authorities, now);
  const trust = { authorities, revocations };
  let code: number = ExitCode.ok;
  for (const path of operands) {
    const verdict = judge(await readCertificateFile(path), trust, now);
    const ok = verdict.reason === undefined;
    if (!ok) code = ExitCode.failure;
    if (values.json) writeOutput(jsonLine({ file: path, valid: ok, ...verdict }));
    else if (ok) writeOutput(`${path}: OK\n`);
    else writeError(`${path}: ${verdict.reason}\n`);
  }
  return code;
}

interface Verdict {
  readonly id?: string;
  readonly subjects?: readonly string[];
  /** When the first certificate of the chain expires. */
  readonly notAfter?: string;
  /** Why it is refused. */
  readonly reason?: string;
}

function judge(chain: readonly Uint8Array[], trust: Trust, now: Date): Verdict {
  let verified: VerifiedChain;
  try {
    verified = verifyChain(completeChain(chain, trust.authorities), now);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { reason: error.message };
  }
  const { id, subjects, notAfter } = verified;
  const rules = {
    anonymous: false,
    authorities: trust.authorities.map((der) => decodeCertificate(der).id),
    allow: [],
    ban: [],
    revocations: trust.revocations,
  };
  const reason = refusalOf(rules, verified, now);
  const found = { id, subjects, notAfter: notAfter.toISOString() };
  return reason === undefined ? found : { ...found, reason };
}

/** Other software leaves the CA out of the device's file. */
function completeChain(
  chain: readonly Uint8Array[],
  authorities: readonly Uint8Array[],
): readonly Uint8Array[] {
  const completed = [...chain];
  for (let left = authorities.length; left > 0; left--) {
    const last = decodeCertificate(completed.at(-1)!);
    if (last.issuerName === last.subjectName) break;
    const issuer = authorities.find((der) =>
      decodeCertificate(der).subjectName === last.issuerName
    );
    if (issuer === undefined) break;
    completed.push(issuer);
  }
  return completed;
}
