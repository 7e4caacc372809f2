/**
 * The folder that holds the code of the functions: next to `infra/` in a clone, and in `dist/` of the package.
 *
 * The one file in CommonJS. Only there a file's own folder has the same name, `__dirname`, before and after the build:
 * the sources are ES modules, the package is CommonJS, and neither knows the other's name for it.
 */
const { join } = require('node:path');

module.exports = join(__dirname, '../../bundle');
