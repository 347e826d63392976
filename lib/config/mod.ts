/**
 * Configuration files: YAML with places for messages, schemas that name every mistake, and the way
 * back to YAML.
 *
 * @module
 */
export * from "./config_error.ts";
export * from "./config_file.ts";
export * from "./config_node.ts";
export * from "./render_yaml.ts";
export * from "./schema.ts";
export * from "./suggestion.ts";
export * from "./yaml_text.ts";
