import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';

/** Where temporary tables would not have been seen. */
export function uncheckedTemporaryTables({ uncheckedDatabases }: InstanceResult): Finding | null {
  if (uncheckedDatabases.length === 0) return null;
  const listed = uncheckedDatabases.slice(0, 5).map(({ name, reason }) => `${name} (${reason})`);
  const more = uncheckedDatabases.length > 5 ? ` and ${uncheckedDatabases.length - 5} more` : '';
  return {
    severity: 'info',
    code: 'temporary_tables_not_checked',
    evidence: `temporary tables not checked in ${listed.join(', ')}${more}: their owners there are not spared`,
    remedy:
      'grant the reaper CONNECT on that database if it is denied, or spare its applications with a rule on database',
  };
}
