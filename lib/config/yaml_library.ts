/**
 * What is used of `yaml`, for those who load it when they need it: a bundler keeps the names of a
 * CommonJS package only for static imports.
 *
 * @module
 */
export {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  stringify,
} from "yaml";
