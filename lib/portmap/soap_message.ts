import { childText, descendants, escapeXml, parseXml, type XmlElement } from "./xml.ts";

/** Error codes (WANIPConnection:1 §2.4, WANIPConnection:2 §2.5, Device Architecture 1.1 §3.2.2). */
export const UpnpError = {
  INVALID_ACTION: 401,
  INVALID_ARGS: 402,
  ACTION_FAILED: 501,
  ARGUMENT_VALUE_INVALID: 600,
  ARGUMENT_VALUE_OUT_OF_RANGE: 601,
  OPTIONAL_ACTION_NOT_IMPLEMENTED: 602,
  ACTION_NOT_AUTHORIZED: 606,
  NO_SUCH_ENTRY: 714,
  CONFLICT_IN_MAPPING_ENTRY: 718,
  SAME_PORT_VALUES_REQUIRED: 724,
  ONLY_PERMANENT_LEASES_SUPPORTED: 725,
  NO_PORT_MAPS_AVAILABLE: 728,
  CONFLICT_WITH_OTHER_MECHANISMS: 729,
} as const;

/** A call of an action of a service, as an HTTP POST takes it. */
export interface SoapCall {
  /** Names and values, in the order that the service's description has. */
  readonly arguments: readonly (readonly [name: string, value: string])[];
  /** For example `AddPortMapping`. */
  readonly action: string;
  /** For example `urn:schemas-upnp-org:service:WANIPConnection:1`. */
  readonly serviceType: string;
}

/** What came back. */
export type SoapResult =
  /** The output arguments by name. */
  | { readonly kind: "result"; readonly values: ReadonlyMap<string, string> }
  /** A fault with its UPnP error code, 0 when it has none. */
  | { readonly kind: "fault"; readonly code: number; readonly description: string };

/** The body of a call. */
export function encodeSoapCall({ action, serviceType, arguments: values }: SoapCall): string {
  const inside = values.map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`).join("");
  return '<?xml version="1.0"?>\r\n' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${escapeXml(serviceType)}">${inside}</u:${action}>` +
    "</s:Body></s:Envelope>\r\n";
}

/** The value of a call's SOAPAction header. */
export function soapAction({ action, serviceType }: SoapCall): string {
  return `"${serviceType}#${action}"`;
}

/**
 * Decodes the answer to a call of `action`. An answer that is neither its response nor a fault is a
 * fault without code.
 *
 * @throws {PortmapDecodeError} `bad-xml` or `too-large`
 */
export function decodeSoapResponse(document: string, action: string): SoapResult {
  const root = parseXml(document);
  const response = descendants(root, `${action}Response`)[0];
  if (response !== undefined) {
    return {
      kind: "result",
      values: new Map(response.children.map(({ name, text }) => [name, text])),
    };
  }
  const error: XmlElement | undefined = descendants(root, "UPnPError")[0];
  const code = /^\d{1,4}$/.exec(error && childText(error, "errorCode") || "")?.[0];
  const description = error && childText(error, "errorDescription") || "no such response";
  return { kind: "fault", code: Number(code ?? 0), description: description.slice(0, 100) };
}
