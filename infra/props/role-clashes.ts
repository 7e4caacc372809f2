import type { IConstruct } from 'constructs';
import type { Fault } from '../../lambda/input/faults.js';
import { asProp, type Naming } from './naming.js';
import type { ParsedProps } from './resolved-props.js';

/** As whom a reaper logs in, and where to. */
export interface RoleUse {
  /** What the reaper is called: a path, or a key of `cdk.json`. */
  readonly reaper: string;
  /** The prop or key that names the role. */
  readonly namedBy: string;
  /** Its name, or else the secret that holds it. */
  readonly role: string;
  /** What tells one server from another. Two reapers that have one of these in common are at the same server. */
  readonly servers: readonly string[];
}

/** The role that a reaper uses: the one that its secret names, or else `reaperRole`. */
export function roleUse(reaper: string, props: Partial<ParsedProps>, name: Naming): RoleUse {
  const { facts, adminSecret, secret, reaperRole = '', instances = [] } = props;
  const addresses = instances.map(({ host, port = 5432 }) => `${host.toLowerCase()}:${port}`);
  return {
    reaper,
    ...(secret === undefined
      ? { namedBy: 'reaperRole', role: reaperRole }
      : { namedBy: name('secret'), role: secret.secretArn }),
    servers: [facts?.database.node.path, adminSecret?.secretArn, ...addresses].filter((one) => one !== undefined),
  };
}

/**
 * The fault of a reaper that logs in to the same server as the same role as another. Each of the two would give the role
 * its own password, limits and mark, and take the other's runs for its own.
 */
export function roleClash(one: RoleUse, others: readonly RoleUse[]): readonly Fault[] {
  const other = others.find(
    ({ role, servers }) => role === one.role && servers.some((server) => one.servers.includes(server)),
  );
  if (other === undefined) return [];
  return [
    {
      path: one.namedBy,
      problem: 'the role must be its own on that server',
      got: `${one.role}, which ${other.reaper} has too`,
      hint: `Set another ${one.namedBy} in one of the two`,
    },
  ];
}

/** The reapers of each app, in the order in which they were made. */
const REAPERS = new WeakMap<IConstruct, RoleUse[]>();

/** The fault of a second reaper of the app that has the same role on the same server. */
export function clashFaults(scope: IConstruct, path: string, props: Partial<ParsedProps>): readonly Fault[] {
  return roleClash(roleUse(path, props, asProp), REAPERS.get(scope.node.root) ?? []);
}

/** Notes the role of a reaper, for those of the app that are made after it. */
export function noteRole(scope: IConstruct, path: string, props: Partial<ParsedProps>): void {
  const { root } = scope.node;
  REAPERS.set(root, [...(REAPERS.get(root) ?? []), roleUse(path, props, asProp)]);
}
