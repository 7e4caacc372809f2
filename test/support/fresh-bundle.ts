import { buildFunctionBundle } from '../../package/function-bundle.js';

/** Builds the functions' code anew, so that no test run is on that of yesterday's sources. */
export async function setup(): Promise<void> {
  await buildFunctionBundle();
}
