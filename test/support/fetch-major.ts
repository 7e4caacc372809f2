import type { TestProject } from 'vitest/node';
import { binariesOf, MAJOR_VARIABLE, parseMajor } from './postgres-majors.js';

/** Fetches the PostgreSQL of a project before its tests, whose time limits allow for no download. */
export async function setup({ config }: TestProject): Promise<void> {
  await binariesOf(parseMajor(config.env[MAJOR_VARIABLE] ?? ''));
}
