import type { IConstruct } from 'constructs';
import { REAPER_ROLE } from '../../lambda/contract/names.js';
import { InputError } from '../../lambda/input/faults.js';
import type { CheckedProps } from './resolve-props.js';

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

/** What is wrong where the reaper would limit its own role. Synth does not know the role that a secret names. */
export function ownLimitFaults(
  { namedBy, role }: Pick<RoleUse, 'namedBy' | 'role'>,
  roleLimits: Readonly<Record<string, number>> = {},
): readonly string[] {
  if (namedBy !== 'reaperRole' || !Object.hasOwn(roleLimits, role)) return [];
  return [`roleLimits.${role}: limits the role of the reaper itself, which would lock it out. Remove it`];
}

/** An instance, as {@link RoleUse.servers} has it. */
export function serverAt({ host, port = 5432 }: { readonly host: string; readonly port?: number }): string {
  return `${host.toLowerCase()}:${port}`;
}

/**
 * What is wrong where two reapers log in to one server as the same role: each would give it its own password, limits and
 * mark, and take it for the other's runs.
 */
export function roleClash(one: RoleUse, others: readonly RoleUse[]): string | undefined {
  const other = others.find(
    ({ role, servers }) => role === one.role && servers.some((server) => one.servers.includes(server)),
  );
  if (other === undefined) return undefined;
  return (
    `${one.namedBy}: the role must be its own on that server, got ${one.role}, which ${other.reaper} has too. ` +
    `Set another ${one.namedBy} in one of the two`
  );
}

/** The reapers of each app, in the order in which they were made. */
const REAPERS = new WeakMap<IConstruct, RoleUse[]>();

/**
 * Refuses a second reaper of the app with the same role on the same server.
 *
 * @throws InputError that names both.
 */
export function demandOwnRole({ node }: IConstruct, props: CheckedProps): void {
  const { facts, adminSecret, secret, instances = [] } = props;
  const servers = [facts?.database.node.path, adminSecret?.secretArn, ...instances.map(serverAt)];
  const one: RoleUse = {
    reaper: node.path,
    ...namedRole(props, secret?.secretArn, 'secret'),
    servers: servers.filter((server) => server !== undefined),
  };
  const others = REAPERS.get(node.root) ?? [];
  const clash = roleClash(one, others);
  if (clash !== undefined) throw new InputError(`ConnectionReaper ${node.path}`, [clash]);
  REAPERS.set(node.root, [...others, one]);
}
