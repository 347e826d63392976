import { newConfiguration } from "../crtmgr/wizard/configuration_file.ts";
import { serverSettings } from "../crtmgr/wizard/dnc_settings.ts";
import { revocationListOf } from "../crtmgr/revocation_list_place.ts";
import { SERVER_FILES } from "../crtmgr/server_setup.ts";
import { SERVER_FOLDER } from "../crtmgr/wizard/server_wizard.ts";
import { DEFAULT_BOOTSTRAP } from "../peer/network.ts";

const TITLE = `The configuration of dnc as a service: dnc -l -d /etc/dhtnet/dnc.yaml
"crtmgr --interactive" or "crtmgr --setup -o ${SERVER_FOLDER}" makes the keys that it names.`;

/**
 * `/etc/dhtnet/dnc.yaml` as a package brings it: what the wizard writes when every question is
 * answered by Enter.
 */
export function shippedConfiguration(): string {
  return newConfiguration(
    TITLE,
    serverSettings({
      certificate: `${SERVER_FOLDER}/${SERVER_FILES.device}.crt`,
      privateKey: `${SERVER_FOLDER}/${SERVER_FILES.device}.pem`,
      revocationList: revocationListOf(`${SERVER_FOLDER}/${SERVER_FILES.authority}.crt`),
      bootstrap: DEFAULT_BOOTSTRAP,
      turn: undefined,
      anonymous: true,
      services: [{ host: "127.0.0.1", port: 22 }],
    }),
  );
}
