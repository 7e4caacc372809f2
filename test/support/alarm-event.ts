/** An alarm's action as CloudWatch's documentation shows it, for an alarm on one metric. */
export const ALARM_EVENT = {
  source: 'aws.cloudwatch',
  alarmArn: 'arn:aws:cloudwatch:us-east-1:123456789012:alarm:orders-DatabaseConnections',
  accountId: '123456789012',
  time: '2026-08-04T12:36:15.490+0000',
  region: 'us-east-1',
  alarmData: {
    alarmName: 'orders-DatabaseConnections',
    state: {
      value: 'ALARM',
      reason: 'Threshold Crossed: 1 datapoint [95.0 (04/08/26 12:35:00)] was greater than the threshold (80.0).',
      reasonData: '{"version":"1.0","queryDate":"2026-08-04T12:36:15.484+0000","threshold":80.0}',
      timestamp: '2026-08-04T12:36:15.490+0000',
    },
    previousState: { value: 'OK', reason: 'Threshold not crossed', timestamp: '2026-08-04T11:31:10.000+0000' },
    configuration: {
      description: '',
      metrics: [
        {
          id: 'm1',
          metricStat: {
            metric: {
              namespace: 'AWS/RDS',
              name: 'DatabaseConnections',
              dimensions: { DBInstanceIdentifier: 'orders' },
            },
            period: 60,
            stat: 'Maximum',
          },
          returnData: true,
        },
      ],
    },
  },
} as const;
