import type { Construct } from 'constructs';
import type { ConnectionReaperProps } from './connection-reaper-props.js';
import { resolveProps } from './props/resolve-props.js';
import { Reaper } from './reaper.js';

/**
 * Reaps the idle connections of one PostgreSQL database, caps its roles, and says who leaks: a function that is invoked
 * every minute, metrics, alarms and a dashboard.
 *
 * @example
 * new ConnectionReaper(this, 'Reaper', { database: cluster });
 */
export class ConnectionReaper extends Reaper {
  /** @throws InputError with everything that is wrong with the props. */
  constructor(scope: Construct, id: string, props: ConnectionReaperProps) {
    const path = [scope.node.path, id].filter((part) => part !== '').join('/');
    super(scope, id, resolveProps(scope, path, props));
  }
}
