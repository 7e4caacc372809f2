/** Why each of them is there. What has no reason here is an error. */

/** Reasons by whom they are for; `*` for whomever. */
type Reasons = Readonly<Record<string, string>>;

const PLACING = 'Lambda places the function into its VPC in its name';
const YET_TO_BE_MADE = 'AWS documents them for all resources, since the interfaces are yet to be made';
const LOGIN = 'its login to the database';
const LOG_LINES_OUTSIDE = 'its lines, which Lambda sends; it can make no other log';
const LOG_LINES = 'its lines, which Lambda sends, and not through the VPC; it can make no other log';

/** By action, then by whoever may, or by `whoever: on what` where that differs. */
export const WHY_ALLOWED: Readonly<Record<string, Reasons>> = {
  'secretsmanager:GetSecretValue': {
    'the sweep': LOGIN,
    'the sweep: the break-glass secret': 'another login, for when a full server refuses its own',
    'the bootstrap': 'to make the role as the administrator, give it its password, and prove that it can log in',
  },
  'rds-db:connect': { 'the sweep': LOGIN, 'the bootstrap': 'to prove that the role can log in' },
  'kms:Decrypt': {
    'the sweep': 'the secret is encrypted with it',
    'the bootstrap': 'the secret is encrypted with it',
    CloudWatch: 'an alarm that may not use the key of its topic notifies nobody',
  },
  'kms:GenerateDataKey*': { CloudWatch: 'the same, in the form that SNS documents for services that publish' },
  'cloudwatch:PutMetricData': { 'the sweep': 'its metrics' },
  'cloudwatch:GetMetricData': {
    'the sweep': 'to learn, after a cold start, which applications and roles have metrics already',
  },
  'logs:CreateLogStream': { 'the sweep': LOG_LINES, 'the bootstrap': LOG_LINES, 'the provider': LOG_LINES_OUTSIDE },
  'logs:PutLogEvents': { 'the sweep': LOG_LINES, 'the bootstrap': LOG_LINES, 'the provider': LOG_LINES_OUTSIDE },
  'sqs:SendMessage': {
    'the sweep': 'Lambda hands over the events of runs that failed, in its name',
    'the schedule': 'it hands over the sweeps that Lambda did not take',
  },
  'lambda:InvokeFunction': {
    'the schedule': 'to start the sweeps',
    'the provider': 'to run it on deployment',
    CloudWatch: 'a sweep at once, when connections are many',
  },
  'lambda:GetFunction': {
    'the provider': 'to wait until it is ready again, where it ran so long ago that Lambda took it out of its VPC',
  },
  'sns:Publish': {
    CloudWatch: 'to notify of alarms; the rule that demands TLS takes the place of the one that lets it in',
  },
  'sts:AssumeRole': {
    Lambda: 'it runs the function; a role can be passed within its account alone',
    'EventBridge Scheduler': 'it starts the sweeps',
  },
  'ec2:AssignPrivateIpAddresses': { '*': PLACING },
  'ec2:CreateNetworkInterface': { '*': PLACING },
  'ec2:DeleteNetworkInterface': { '*': PLACING },
  'ec2:DescribeNetworkInterfaces': { '*': PLACING },
  'ec2:DescribeSubnets': { '*': PLACING },
  'ec2:UnassignPrivateIpAddresses': { '*': PLACING },
};

const NOT_BY_CODE = 'only Lambda needs them, not the code';

/** By action. */
export const WHY_DENIED: Reasons = {
  'ec2:AssignPrivateIpAddresses': NOT_BY_CODE,
  'ec2:CreateNetworkInterface': NOT_BY_CODE,
  'ec2:DeleteNetworkInterface': NOT_BY_CODE,
  'ec2:DescribeNetworkInterfaces': NOT_BY_CODE,
  'ec2:DescribeSubnets': NOT_BY_CODE,
  'ec2:UnassignPrivateIpAddresses': NOT_BY_CODE,
  'sqs:*': 'nothing goes in the clear',
  'sns:Publish': 'nothing goes in the clear',
};

/** By action: why it can't be allowed on less than everything that its resource matches. */
export const WHY_NOT_NARROWER: Reasons = {
  'ec2:AssignPrivateIpAddresses': YET_TO_BE_MADE,
  'ec2:CreateNetworkInterface': YET_TO_BE_MADE,
  'ec2:DeleteNetworkInterface': YET_TO_BE_MADE,
  'ec2:DescribeNetworkInterfaces': YET_TO_BE_MADE,
  'ec2:DescribeSubnets': YET_TO_BE_MADE,
  'ec2:UnassignPrivateIpAddresses': YET_TO_BE_MADE,
  'cloudwatch:PutMetricData': 'it knows no resources, so the namespace limits it',
  'cloudwatch:GetMetricData':
    'it knows neither resources nor a condition for the namespace; it reads metrics, not logs',
  'secretsmanager:GetSecretValue': 'AWS adds six characters to a name that only it knows; the whole ARN is exact',
};

export const WHY_AT_ENDPOINT = 'the endpoint lets through what the role may, and nobody else';

/** By `from -> to`. */
export const WHY_CONNECTED: Reasons = {
  'the functions -> the database':
    'to log in, by TLS unless `sslMode` says otherwise; each security group has its side of the rule',
  'the functions -> any IPv4 address: TCP 443':
    'Secrets Manager and CloudWatch have no fixed addresses, and are reached by NAT or by endpoints of the VPC',
  "the functions -> any IPv4 address: TCP, the database's port":
    'nobody says which security group the database has; give `databaseSecurityGroup`',
  'the functions -> the endpoint of Secrets Manager': 'to read the secret; each has its side of the rule',
  'the functions -> the endpoint of CloudWatch':
    'to publish the metrics and to read their names; each has its side of the rule',
};

/** By what is kept, runs outside of the VPC, or lets nobody in. */
export const WHY_THERE: Reasons = {
  'the functions': 'their security group has no rule that lets in: functions are invoked by the API of Lambda',
  'the provider': 'it calls the bootstrap and answers CloudFormation; it has no login to any database',
  'the log of the sweep':
    'whose backends were ended and which limits set: application, role, database, client address; no statement, no secret',
  'the log of the bootstrap': 'which rights the role was given',
  'the log of the provider': 'when it ran, and nothing of what it was told',
  'the dead letters': 'the event of a run that failed, and the beginning of its error; nothing here may read them',
  "the reaper's own secret":
    'the password of the role, 40 random characters; not rotated, since that takes the admin secret',
};
