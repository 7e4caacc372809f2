#!/usr/bin/env node
/**
 * A CDK app in TypeScript, as `cdk init app --language typescript` makes it, with one stack: `lib/shop-stack.ts`.
 *
 * To try it, copy this folder, make the package with `npm pack` in the folder of Connection Reaper, and run in the copy:
 *
 *   npm install <path>/connection-reaper-0.1.0.tgz
 *   npm test
 *   npx cdk synth
 */
import { App } from 'aws-cdk-lib';
import { ShopStack } from '../lib/shop-stack';

new ShopStack(new App(), 'Shop');
