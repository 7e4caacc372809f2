import { excerptOfName, type Fault } from '../../lambda/input/faults.js';

/** `orders-1` of `orders-1.abcdefghijkl.eu-central-1.rds.amazonaws.com`; not of a cluster's endpoint, `orders.cluster-…`. */
const INSTANCE_ENDPOINT = /^([a-z][a-z0-9-]*)\.(?!cluster-|proxy-)[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?$/i;

/** What RDS calls an instance, as far as its endpoint says. */
export function identifierIn(host: string): string | undefined {
  return INSTANCE_ENDPOINT.exec(host)?.[1];
}

/** Endpoints of RDS that lead to one instance now and to another then, or to a pooler. */
const SHARED_ENDPOINT = /\.(cluster-ro|cluster-custom|proxy)-[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?$/i;

/** What a fault quotes of a host: more than the endpoints of RDS have. */
const LONGEST_ENDPOINT = 180;

/** The faults of hosts that lead to several instances: each sweep would reach another one, and call it by the same name. */
export function hostFaults(instances: readonly { readonly host: string }[]): readonly Fault[] {
  return instances.flatMap(({ host }, index) =>
    SHARED_ENDPOINT.test(host)
      ? [
          {
            path: `instances.${index}.host`,
            problem: 'expected the endpoint of one instance, not of a reader, a custom endpoint or a proxy',
            got: excerptOfName(host, LONGEST_ENDPOINT),
          },
        ]
      : [],
  );
}
