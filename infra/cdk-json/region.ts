/** The region of a database in `cdk.json`, from the ARNs and endpoints that its entry names. */
import type { Fault } from '../../lambda/input/faults.js';

/** Where a thing is that an entry names. */
interface Located {
  /** Its key. */
  readonly key: string;
  readonly region: string;
}

const ARN = /^arn:aws[a-z-]*:(?:secretsmanager|kms|sns):([a-z0-9-]+):/;

/** The region of `eu-central-1a`, and of a local zone such as `us-east-1-bos-1a`. */
const ZONE = /^([a-z]{2}(?:-[a-z]+)+-\d+)(?:[a-z]$|-)/;

/** The regions of all that an entry names, those of the network first. */
export function regionsOf(entry: object): readonly Located[] {
  return leaves(entry, '')
    .flatMap(([key, text]) => {
      const region = (key.includes('availabilityZones') ? ZONE : ARN).exec(text)?.[1];
      return region === undefined ? [] : [{ key, region }];
    })
    .toSorted((a, b) => Number(b.key.startsWith('vpc.')) - Number(a.key.startsWith('vpc.')));
}

/** A stack is in one region, and alarms, keys and the function's calls don't leave it. */
export function regionFaults(entry: object): readonly Fault[] {
  const [first, ...others] = regionsOf(entry);
  return others.flatMap(({ key, region }) =>
    first === undefined || region === first.region
      ? []
      : [{ path: key, problem: `expected the region of ${first.key}, ${first.region}`, got: region }],
  );
}

function leaves(value: unknown, key: string): readonly (readonly [string, string])[] {
  if (typeof value === 'string') return [[key, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => leaves(member, key === '' ? name : `${key}.${name}`));
}
