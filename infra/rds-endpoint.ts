/** `orders-1` of `orders-1.abcdefghijkl.eu-central-1.rds.amazonaws.com`; not of a cluster's endpoint, `orders.cluster-…`. */
const INSTANCE_ENDPOINT = /^([a-z][a-z0-9-]*)\.(?!cluster-|proxy-)[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?$/i;

/** What RDS calls an instance, as far as its endpoint says. */
export function identifierIn(host: string): string | undefined {
  return INSTANCE_ENDPOINT.exec(host)?.[1];
}
