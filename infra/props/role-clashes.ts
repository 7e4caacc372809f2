import type { IConstruct } from 'constructs';
import { REAPER_ROLE } from '../../lambda/contract/names.js';
import type { Fault } from '../../lambda/input/faults.js';
import type { CheckedProps, ResolvedProps } from './resolve-props.js';

/** As whom a reaper logs in, and where to. */
export interface RoleUse {
  /** What the reaper is called: a path, or a key of `cdk.json`. */
  readonly reaper: string;
  /** What names the role. */
  readonly namedBy: 'reaperRole' | 'secret' | 'secretArn';
  /** Its name, or else the secret that holds it. */
  readonly role: string;
  /** What tells one server from another. Two reapers that have one of these in common are at the same server. */
  readonly servers: readonly string[];
}

/**
 * A role as the login names it: by a given secret, or else by `reaperRole`.
 *
 * @param namedBy what the given secret is called.
 */
export function namedRole(
  { reaperRole }: { readonly reaperRole?: string | undefined },
  secretArn: string | undefined,
  namedBy: 'secret' | 'secretArn',
): Pick<RoleUse, 'namedBy' | 'role'> {
  if (secretArn !== undefined) return { namedBy, role: secretArn };
  return { namedBy: 'reaperRole', role: reaperRole ?? REAPER_ROLE };
}

/** An instance, as {@link RoleUse.servers} has it. */
export function serverAt({ host, port = 5432 }: { readonly host: string; readonly port?: number }): string {
  return `${host.toLowerCase()}:${port}`;
}

/**
 * What is wrong where two reapers log in to one server as the same role: each would give it its own password, limits and
 * mark, and take it for the other's runs.
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
export function clashFaults(scope: IConstruct, props: ResolvedProps): readonly Fault[] {
  return roleClash(roleUse(scope, props), REAPERS.get(scope.node.root) ?? []);
}

/** Notes the role of a reaper, for those of the app that are made after it. */
export function noteRole(scope: IConstruct, props: CheckedProps): void {
  const { root } = scope.node;
  REAPERS.set(root, [...(REAPERS.get(root) ?? []), roleUse(scope, props)]);
}

function roleUse({ node }: IConstruct, props: ResolvedProps): RoleUse {
  const { facts, adminSecret, secret, instances = [] } = props;
  const servers = [facts?.database.node.path, adminSecret?.secretArn, ...instances.map(serverAt)];
  return {
    reaper: node.path,
    ...namedRole(props, secret?.secretArn, 'secret'),
    servers: servers.filter((server) => server !== undefined),
  };
}
