/** What `cdk.json` calls the props that it names in another way than the construct, since it holds ids and ARNs. */
const JSON_KEYS: Readonly<Record<string, string>> = {
  secret: 'secretArn',
  adminSecret: 'adminSecretArn',
  breakGlassSecret: 'breakGlassSecretArn',
  securityGroups: 'securityGroupIds',
  databaseSecurityGroup: 'databaseSecurityGroupId',
  logRetention: 'logRetentionDays',
  alarmTopic: 'alarmTopicArn',
  pageTopic: 'pageTopicArn',
  topicEncryptionKey: 'topicEncryptionKeyArn',
  'alarms.ConnectionsCritical.actions': 'alarms.ConnectionsCritical.topicArn',
};

/** What a prop is called where it was written, so that a rule about props is written once. */
export type Naming = (prop: string) => string;

export const asProp: Naming = (prop) => prop;

export const asKey: Naming = (prop) => JSON_KEYS[prop] ?? prop;

const PROPS = new Map(Object.entries(JSON_KEYS).map(([prop, key]) => [key, prop]));

/** The prop that a key of `cdk.json` stands for. */
export function propOf(key: string): string {
  return PROPS.get(key) ?? key;
}
