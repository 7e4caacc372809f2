/** The secret of the reaper in the tests that run the deployed function. */
export const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-AbCdEf';

/** A VPC as an entry of `context.databases` in cdk.json names it. */
export const VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['us-east-1a'],
  privateSubnetIds: ['subnet-0123456789abcdef0'],
};

/** An entry of `context.databases` for a server without TLS. */
export const ENTRY = { secretArn: SECRET_ARN, vpc: VPC, sslMode: 'disable' } as const;
