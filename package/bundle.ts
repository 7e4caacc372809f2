/** `npm run bundle`: the code of the functions, where the construct looks for it. */
import { buildFunctionBundle } from './function-bundle.js';

await buildFunctionBundle();
