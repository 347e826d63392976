import { AUTHORIZED_SERVICES } from "./authorized_services.ts";

/** The settings of `dnc` that only a configuration file has. */
export const DNC_FILE_SETTINGS = { authorized_services: AUTHORIZED_SERVICES };

/** The type of the table. */
export type DncFileSettings = typeof DNC_FILE_SETTINGS;
