const { Stack } = require('aws-cdk-lib');
const { SecurityGroup, Vpc } = require('aws-cdk-lib/aws-ec2');
const { DatabaseInstance } = require('aws-cdk-lib/aws-rds');
const { Secret } = require('aws-cdk-lib/aws-secretsmanager');
const { ConnectionReaper } = require('connection-reaper');

/** A reaper for a database that exists already. */
class ShopStack extends Stack {
  constructor(scope, id, props) {
    super(scope, id, props);

    const vpc = Vpc.fromVpcAttributes(this, 'Vpc', {
      vpcId: 'vpc-0123456789abcdef0',
      availabilityZones: ['eu-central-1a', 'eu-central-1b'],
      privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    });
    const database = DatabaseInstance.fromDatabaseInstanceAttributes(this, 'Orders', {
      instanceIdentifier: 'orders',
      instanceEndpointAddress: 'orders.abcdefghijkl.eu-central-1.rds.amazonaws.com',
      port: 5432,
      securityGroups: [SecurityGroup.fromSecurityGroupId(this, 'OrdersGroup', 'sg-0123456789abcdef0')],
    });

    new ConnectionReaper(this, 'Reaper', {
      database,
      vpc,
      // The login of an administrator: the deployment makes the reaper's own role with it.
      adminSecret: Secret.fromSecretCompleteArn(
        this,
        'Admin',
        'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders/admin-a1B2c3',
      ),
      // Start with this line: the reaper reports what it would terminate, and changes nothing. Remove it when you agree.
      mode: 'preview',
      roleLimits: { checkout: 40 },
    });
  }
}

module.exports = { ShopStack };
