import type { HttpCalls } from "./http_calls.ts";
import type { ConnectionService } from "./igd_description.ts";
import { decodeSoapResponse, encodeSoapCall, soapAction, type SoapResult } from "./soap_message.ts";

/**
 * Calls an action of a service.
 *
 * @param onResult gets the result or the fault; undefined when there is no answer that makes sense
 */
export function callService(
  calls: HttpCalls,
  service: ConnectionService,
  action: string,
  values: readonly (readonly [name: string, value: string])[],
  onResult: (result: SoapResult | undefined, now: number) => void,
): void {
  const call = { action, serviceType: service.type, arguments: values };
  calls.start({
    method: "POST",
    url: service.controlUrl,
    headers: [
      ["Content-Type", 'text/xml; charset="utf-8"'],
      ["SOAPAction", soapAction(call)],
    ],
    body: encodeSoapCall(call),
  }, (response, now) => {
    let result: SoapResult | undefined;
    if (response !== undefined) {
      try {
        result = decodeSoapResponse(response.body, action);
      } catch { // not XML: no answer that makes sense
      }
    }
    onResult(result, now);
  });
}
