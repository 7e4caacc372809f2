#!/usr/bin/env node
/**
 * A CDK app in JavaScript, as `cdk init app --language javascript` makes it, with one stack: `lib/shop-stack.js`.
 *
 * To try it, copy this folder, make the package with `npm pack` in the folder of Connection Reaper, and run in the copy:
 *
 *   npm install <path>/connection-reaper-0.1.0.tgz
 *   npm test
 *   npx cdk synth
 */
const { App } = require('aws-cdk-lib');
const { ShopStack } = require('../lib/shop-stack');

new ShopStack(new App(), 'Shop');
