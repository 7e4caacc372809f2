import type { App, Stack } from 'aws-cdk-lib';
import { type Assumptions, atMost, USUAL } from './assumptions.js';
import { type CostChange, costChanges } from './changes.js';
import { type Cost, costOf } from './cost.js';
import { type Deployed, deployedBy, type Template } from './deployed.js';

/** What a month of one database costs, and what would change it. */
export interface CostReport extends Cost, Pick<Deployed, 'database' | 'notPriced'> {
  /** Without one, nothing that a sweep costs is counted. */
  readonly hasSchedule: boolean;
  readonly assumptions: Assumptions;
  /** With as many metrics as the settings allow. */
  readonly atMost: { readonly usd: number; readonly assumptions: Assumptions };
  readonly changes: readonly CostChange[];
}

/** Synthesizes an app and reports on these stacks of it, each of which has one reaper. */
export function costReports(app: App, stacks: readonly Stack[], known?: Partial<Assumptions>): readonly CostReport[] {
  const assembly = app.synth();
  return stacks.map(({ artifactId }) => costReport(assembly.getStackArtifact(artifactId).template, known));
}

/**
 * Reports on the template of one reaper.
 *
 * @throws Error when it is another template.
 */
export function costReport(template: Template, known: Partial<Assumptions> = {}): CostReport {
  const deployed = deployedBy(template);
  const { database, notPriced, minutesBetweenSweeps, maxApplications } = deployed;
  const assumptions = { ...USUAL, applications: Math.min(USUAL.applications, maxApplications), ...known };
  const most = atMost(deployed, assumptions);
  return {
    database,
    ...costOf(deployed, assumptions),
    notPriced,
    hasSchedule: minutesBetweenSweeps !== null,
    assumptions,
    atMost: { usd: costOf(deployed, most).usd, assumptions: most },
    changes: costChanges(deployed, assumptions),
  };
}
