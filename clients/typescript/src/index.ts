/** Calls the imajin command line from Node. Nothing but Node's own modules is needed at run time. */

export { argumentsOf, type RunRequest, type Scalar } from "./arguments.js";
export { ImajinError, type Kind } from "./errors.js";
export { make, type Made } from "./make.js";
export type * from "./schema.js";
export { EXITS, EVENTS_VERSION } from "./schema.js";
export { stream, type Options } from "./stream.js";
export { readSidecar } from "./sidecar.js";
