/** Reads policies. A form of a statement that is not known here is an error, so that none is left out of the review. */

/** One action that a policy allows or denies, on one resource. */
export interface Statement {
  readonly kind: 'statement';
  /** `role`: a policy of a role. `trust`: who may take a role. Else the resource that the policy is of. */
  readonly of: 'role' | 'trust' | 'permission' | `<${string}>`;
  readonly effect: 'Allow' | 'Deny';
  /** A role, `Service:…` or `AWS:…`. */
  readonly who: string;
  readonly action: string;
  readonly resource: string;
  /** `operator key` and value. */
  readonly conditions: readonly (readonly [test: string, value: string])[];
}

type Properties = Readonly<Record<string, unknown>>;

type Given = Partial<Pick<Statement, 'who' | 'resource'>>;

/** The statements of a policy, each action on each resource by itself. */
export function statements(of: Statement['of'], document: unknown, given: Given = {}): readonly Statement[] {
  const found = (document as { readonly Statement?: readonly Properties[] } | undefined)?.Statement;
  if (found === undefined) throw new Error(`the security review can't read the policy of ${of}: it has no Statement`);
  return found.flatMap(({ Sid: _, Effect, Principal, Action, Resource, Condition, ...others }) => {
    if (Object.keys(others).length > 0) throw new Error(`the security review knows no ${Object.keys(others)} (${of})`);
    const whos = given.who === undefined ? principals(Principal) : [given.who];
    const resources = given.resource === undefined ? list(Resource) : [given.resource];
    return whos.flatMap((who) =>
      list(Action).flatMap((action) =>
        resources.map(
          (resource): Statement => ({
            kind: 'statement',
            of,
            effect: Effect === 'Deny' ? 'Deny' : 'Allow',
            who,
            action: String(action),
            resource: String(resource),
            conditions: conditions(Condition),
          }),
        ),
      ),
    );
  });
}

/** Who may invoke a function. */
export function permission({
  Principal,
  Action,
  FunctionName,
  SourceAccount,
  SourceArn,
  ...others
}: Properties): Statement {
  if (Object.keys(others).length > 0) throw new Error(`the security review knows no ${Object.keys(others)}`);
  const Condition = { StringEquals: { 'aws:SourceAccount': SourceAccount }, ArnLike: { 'aws:SourceArn': SourceArn } };
  return {
    kind: 'statement',
    of: 'permission',
    effect: 'Allow',
    who: `Service:${Principal}`,
    action: String(Action),
    resource: String(FunctionName),
    conditions: conditions(Condition),
  };
}

function principals(principal: unknown): readonly string[] {
  if (typeof principal === 'string') return [`AWS:${principal}`];
  return Object.entries(principal ?? {}).flatMap(([type, names]) => list(names).map((name) => `${type}:${name}`));
}

function conditions(condition: unknown): Statement['conditions'] {
  return Object.entries((condition ?? {}) as Readonly<Record<string, Properties>>).flatMap(([operator, tests]) =>
    Object.entries(tests).flatMap(([key, values]) =>
      values === undefined ? [] : [[`${operator} ${key}`, list(values).join(', ')] as const],
    ),
  );
}

/** One or several, as templates write them. */
export function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
