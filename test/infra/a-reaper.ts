import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import type { ConnectionReaperProps } from '../../infra/connection-reaper-props.js';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { faultText, InputError } from '../../lambda/input/faults.js';
import type { SettingsInput } from '../../lambda/input/settings.js';

export const SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders/connection-reaper-a1B2c3';

/** The least that an entry of `cdk.json` needs. */
export const LEAST_ENTRY = {
  secretArn: SECRET_ARN,
  vpc: {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-central-1a'],
    privateSubnetIds: ['subnet-0123456789abcdef0'],
  },
};

/** The context that `cdk.json` ships: one database and the feature flags. */
export const SHIPPED_CONTEXT = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')).context;

/** An app like the shipped one, made fast: it leaves validation to the tests that are about it. */
export function anApp(): App {
  return new App({ context: SHIPPED_CONTEXT, builtinCloudFormationValidation: false });
}

/** A stack with a VPC and a secret to make a reaper from. */
export function aStack(app = anApp()) {
  const stack = new Stack(app, 'Orders');
  const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-central-1a'],
    privateSubnetIds: ['subnet-0123456789abcdef0'],
    privateSubnetRouteTableIds: ['rtb-0123456789abcdef0'],
  });
  return { app, stack, vpc, secret: Secret.fromSecretCompleteArn(stack, 'Secret', SECRET_ARN) };
}

type Overrides = Partial<ConnectionReaperProps>;
type Surroundings = ReturnType<typeof aStack>;

/** A reaper with these props, or the least there is. */
export function aReaper(props: Overrides | ((surroundings: Surroundings) => Overrides) = {}, surroundings = aStack()) {
  const { stack, vpc, secret } = surroundings;
  const overrides = typeof props === 'function' ? props(surroundings) : props;
  const login = overrides.adminSecret === undefined && overrides.iamAuthentication !== true ? { secret } : {};
  const reaper = new ConnectionReaper(stack, 'Reaper', { databaseLabel: 'orders', ...login, vpc, ...overrides });
  return {
    ...surroundings,
    reaper,
    /** Not made before it's asked for, so that more can be added to the stack. */
    get template(): Template {
      return Template.fromStack(stack);
    },
  };
}

/** The faults that something fails with, as people read them. */
export function faultsOf(make: () => unknown): readonly string[] {
  try {
    make();
  } catch (error) {
    if (error instanceof InputError) return error.faults.map(faultText);
    throw error;
  }
  return [];
}

/** The properties of all resources of a type. */
export function propertiesOf(template: Template, type: string): readonly Readonly<Record<string, unknown>>[] {
  return Object.values(template.findResources(type)).map(({ Properties }) => Properties ?? {});
}

/** A value of a template with names in place of references: `${Ref}`, or `${Ref.Attribute}`. */
export function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  if ('Ref' in value) return `\${${value.Ref}}`;
  if ('Fn::GetAtt' in value && Array.isArray(value['Fn::GetAtt'])) return `\${${value['Fn::GetAtt'].join('.')}}`;
  if ('Fn::Join' in value && Array.isArray(value['Fn::Join'])) {
    const [separator, parts] = value['Fn::Join'];
    return parts.map(resolved).join(separator);
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolved(member)]));
}

/** `<LogicalId.Attribute>` in place of references, without the hashes of logical ids. */
export function bare(value: unknown): unknown {
  const json = JSON.stringify(resolved(value) ?? null).replaceAll(/\$\{([^}]*)\}/g, '<$1>');
  return JSON.parse(json.replaceAll(/([<"]\w+?)[0-9A-F]{8}(?=[.>"])/g, '$1'));
}

/** The function that sweeps, as far as tests look at it. */
export function sweeperOf(template: Template) {
  const found = propertiesOf(template, 'AWS::Lambda::Function').find(({ Handler }) => Handler === 'index.handler');
  if (found === undefined) throw new Error('expected the function in the template');
  return found as {
    readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
    readonly VpcConfig: { readonly SubnetIds: readonly unknown[]; readonly SecurityGroupIds: readonly unknown[] };
    readonly Timeout: number;
  };
}

/** The settings of the function, with `<references>` in them. */
export function settingsOf(template: Template) {
  // Ports of databases made in the app are references, and so no JSON yet.
  const json = String(bare(sweeperOf(template).Environment.Variables[SETTINGS_VARIABLE]));
  return JSON.parse(json.replaceAll(/:(<[^>]+>)/g, ':"$1"')) as Omit<SettingsInput, 'instances'> & {
    readonly instances?: readonly { readonly name: string; readonly host: string; readonly port: number | string }[];
  };
}

/** Every statement of every policy of a role, given by how its logical id begins. */
export function statementsOf({ template }: { readonly template: Template }, role: string): readonly unknown[] {
  const ofRole = new RegExp(`^\\$\\{${role}[0-9A-F]{8}\\}$`);
  return propertiesOf(template, 'AWS::IAM::Policy')
    .map((policy) => resolved(policy) as { Roles: string[]; PolicyDocument: { Statement: unknown[] } })
    .filter(({ Roles }) => Roles.some((name) => ofRole.test(name)))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
}
