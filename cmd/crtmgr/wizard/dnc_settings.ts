import type { Target } from "../../peer/target.ts";
import type { Setting } from "./configuration_file.ts";

/** TURN servers, and the account on them, whose password is in a file of its own. */
export interface TurnAnswer {
  /** `HOST[:PORT]` or URI each. */
  readonly hosts: readonly string[];
  /** Undefined for a server that asks for no account. */
  readonly user: string | undefined;
  /** Undefined to leave what the configuration says of the password. */
  readonly passwordFile: string | undefined;
}

/** What servers and clients have in common. */
export interface CommonAnswers {
  /** Path of the certificate chain. */
  readonly certificate: string;
  /** Path of its private key. */
  readonly privateKey: string;
  /** `HOST[:PORT]` each. */
  readonly bootstrap: readonly string[];
  readonly turn: TurnAnswer | undefined;
}

/** What a server's configuration says. */
export interface ServerAnswers extends CommonAnswers {
  /** Whether any valid identity is let in. */
  readonly anonymous: boolean;
  /** What peers may reach; undefined to leave what the configuration says. */
  readonly services: readonly Target[] | undefined;
  /** Where this server's CA lists the certificates that it has revoked. */
  readonly revocationList: string;
  /** Whether that list is there: no server starts without a list that it is to heed. */
  readonly hasRevocationList?: boolean;
}

/** The keys of a server's `dnc.yaml`, upstream's names. */
export function serverSettings(answers: ServerAnswers): Setting[] {
  return [
    ...identitySettings(answers),
    {
      key: "anonymous",
      comment: "Who may connect: true lets in everybody who knows this server's id; false only\n" +
        "devices whose certificate was signed by this server's CA (crtmgr -c CA.crt -p CA.pem).",
      value: answers.anonymous,
    },
    {
      key: "crl",
      comment:
        "Certificates that their CA has taken back (crtmgr revoke); read again when it changes.",
      value: answers.hasRevocationList ? answers.revocationList : undefined,
      example: `crl: ${answers.revocationList}`,
      keep: true,
    },
    {
      key: "authorized_services",
      comment: "What peers may reach, as this machine sees it, and nothing else; for example\n" +
        "  - ip: 127.0.0.1\n    port: 80\n  - ip: 127.0.0.1\n    port: 443",
      value: answers.services?.map(({ host, port }) => ({ ip: host, port })),
      keep: answers.services === undefined,
    },
    ...networkSettings(answers),
  ];
}

/** The keys of a client's `config.yml`, upstream's names. */
export function clientSettings(answers: CommonAnswers): Setting[] {
  return [
    ...identitySettings(answers),
    {
      key: "ip",
      comment: "What to reach at the other side, as that machine sees it: its ssh.",
      value: "127.0.0.1",
      keep: true,
    },
    { key: "port", comment: "Its port.", value: 22, keep: true },
    ...networkSettings(answers),
  ];
}

function identitySettings({ certificate, privateKey }: CommonAnswers): Setting[] {
  return [
    {
      key: "certificate",
      comment: "Who this device is: its certificates, its own first, and its private key.",
      value: certificate,
    },
    {
      key: "privateKey",
      comment: "For nobody's eyes: mode 0600.",
      value: privateKey,
    },
  ];
}

function networkSettings({ bootstrap, turn }: CommonAnswers): Setting[] {
  const keepsPassword = turn?.user !== undefined && turn.passwordFile === undefined;
  return [
    {
      key: "bootstrap",
      comment: "The node of the DHT to start from, HOST or HOST:PORT; a list for several.",
      value: oneOrMany(bootstrap),
    },
    {
      key: "turn_host",
      comment: "A relay (TURN server) for where no direct way is found: HOST, HOST:PORT or a URI.",
      value: turn && oneOrMany(turn.hosts),
      example: "turn_host: relay.example.org",
    },
    {
      key: "turn_user",
      comment: "The account on the relay.",
      value: turn?.user,
      example: "turn_user: alice",
    },
    {
      key: "turn_pass_file",
      comment: "Its password is the first line of this file, mode 0600.",
      value: turn?.passwordFile,
      example: "turn_pass_file: /etc/dhtnet/turn-password",
      keep: keepsPassword,
    },
    {
      key: "turn_pass",
      // In clear, as upstream has it; the file takes its place.
      secret: true,
      value: undefined,
      keep: keepsPassword,
    },
    {
      key: "enable_upnp",
      comment: "Ask routers to map ports (PCP, NAT-PMP, UPnP).",
      value: true,
      keep: true,
    },
    { key: "verbose", comment: "Say more about what is going on.", value: false, keep: true },
  ];
}

/** As people write it: a list only where it takes one. */
function oneOrMany(texts: readonly string[]): string | readonly string[] {
  return texts.length === 1 ? texts[0]! : texts;
}
