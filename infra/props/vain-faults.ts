/** What was said, as far as one thing decides whether another has an effect. */
export interface Said {
  readonly reaperRole: boolean;
  /** What names the role, unless the deployment makes a login with `reaperRole`. */
  readonly roleNamedBy: string | undefined;
  readonly databasePort: boolean;
  readonly instances: boolean;
  readonly databaseResourceId: boolean;
  readonly iamAuthentication: boolean;
  readonly interfaceEndpoints: boolean;
  /** Whether the functions call Secrets Manager or CloudWatch. */
  readonly callsAws: boolean;
  readonly alarmTopic: boolean;
  readonly pageTopic: boolean;
  /** Whether there is the alarm `ConnectionsCritical`. */
  readonly pages: boolean;
  /** Whether `ConnectionsCritical` has actions of its own, in place of a topic. */
  readonly pageActions: boolean;
  readonly topicEncryptionKey: boolean;
}

/**
 * What was said and would have no effect.
 *
 * @param suffix of the names of topics and keys where they are ARNs.
 */
export function vainFaults(said: Said, suffix: '' | 'Arn'): readonly string[] {
  const [alarmTopic, pageTopic, key] = ['alarmTopic', 'pageTopic', 'topicEncryptionKey'].map((name) => name + suffix);
  const pageActions = suffix === '' ? 'alarms.ConnectionsCritical.actions' : 'alarms.ConnectionsCritical.topicArn';
  const makesTopic = !said.alarmTopic || (said.pages && !said.pageActions && !said.pageTopic);
  return [
    said.reaperRole &&
      said.roleNamedBy !== undefined &&
      `reaperRole: has no effect, since ${said.roleNamedBy} names the role. Remove it`,
    said.databasePort &&
      said.instances &&
      'databasePort: expected nothing beside instances, which have ports of their own',
    said.databaseResourceId &&
      !said.iamAuthentication &&
      'databaseResourceId: expected nothing without iamAuthentication, which is granted on it',
    said.interfaceEndpoints &&
      !said.callsAws &&
      'interfaceEndpoints: expected nothing, since the function calls neither Secrets Manager nor CloudWatch',
    said.pageTopic &&
      !said.pages &&
      `${pageTopic}: expected nothing without the alarm ConnectionsCritical, since nothing pages`,
    said.pageTopic &&
      said.pageActions &&
      `${pageTopic}: expected nothing beside ${pageActions}, which ConnectionsCritical does in place of notifying this topic`,
    said.topicEncryptionKey &&
      !makesTopic &&
      `${key}: expected nothing beside ${alarmTopic} and ${said.pageActions ? pageActions : pageTopic}, since no topic is made`,
  ].filter((fault) => fault !== false);
}
