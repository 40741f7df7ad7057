/**
 * Scripts of memory-management operations, run on the model.
 *
 * @packageDocumentation
 */
export { runScript } from "./run.ts";
export { ScriptError } from "./script-error.ts";
