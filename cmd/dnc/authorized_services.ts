import { type ConfigNode, type Schema, type SchemaContext } from "../../lib/config/mod.ts";
import { listOf, mapped, mapping, path, scalar } from "../../lib/config/schema.ts";
import { authorityName, isIdText, peerId } from "../peer/peer_id.ts";
import { parseHost } from "../peer/target.ts";
import { port } from "../tool/option.ts";
import { acceptable, type FileSetting } from "../tool/settings.ts";
import { parseService, type Service } from "./service/service.ts";

/** A service that peers may reach, and which peers. */
export interface AuthorizedService {
  /** What they reach. */
  readonly service: Service;
  /** Who may; undefined: everybody who may connect. */
  readonly who: ServiceUsers | undefined;
}

/** Which peers may reach a service: those that either list names. */
export interface ServiceUsers {
  /** Ids of devices. */
  readonly ids: readonly string[];
  /** Ids of CAs, or files with their certificates. */
  readonly authorities: readonly string[];
}

const USERS = {
  allow: listOf(scalar(acceptable(peerId))),
  authorities: listOf(mapped(path((text) => !isIdText(text)), acceptable(authorityName))),
};
const BY_ADDRESS = mapping(
  { ip: scalar(acceptable(parseHost)), port: scalar(acceptable(port)), ...USERS },
  ["ip", "port"],
);
const BY_NAME = mapping({ service: scalar(acceptable(parseService)), ...USERS }, ["service"]);

/**
 * One entry: `{ip, port}` as upstream has it, or `{service}` for what is no TCP port; both with
 * `allow` and `authorities` for those who may. Text alone is a service for everybody.
 */
const SERVICE: Schema<AuthorizedService> = {
  read(node: ConfigNode, context: SchemaContext) {
    if (node.kind === "scalar") return EVERYBODYS.read(node, context);
    const isNamed = node.kind === "mapping" && node.entries.some(({ key }) => key === "service");
    return isNamed ? NAMED.read(node, context) : ADDRESSED.read(node, context);
  },
};

const EVERYBODYS = mapped(
  scalar(acceptable(parseService)),
  (service): AuthorizedService => ({ service, who: undefined }),
);
const NAMED = mapped(BY_NAME, (entry): AuthorizedService => ({
  service: entry.service!,
  who: users(entry),
}));
const ADDRESSED = mapped(BY_ADDRESS, (entry): AuthorizedService => ({
  service: { kind: "tcp", host: entry.ip!, port: entry.port! },
  who: users(entry),
}));

function users(
  { allow, authorities }: { allow?: readonly string[]; authorities?: readonly string[] },
): ServiceUsers | undefined {
  if (allow === undefined && authorities === undefined) return undefined;
  return { ids: allow ?? [], authorities: authorities ?? [] };
}

/** The setting `authorized_services`; `--allow` on the command line takes its place. */
export const AUTHORIZED_SERVICES: FileSetting<readonly AuthorizedService[] | undefined> = {
  description: "What peers may reach: a list of ip and port, each with those who may.",
  schema: listOf(SERVICE),
  initial: undefined,
  instead: ["allow"],
};
