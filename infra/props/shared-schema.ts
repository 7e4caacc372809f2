import { Duration as CdkDuration } from 'aws-cdk-lib';
import * as v from 'valibot';
import { LEAST_TIMEOUT_SECONDS } from '../../lambda/contract/names.js';
import type { Seconds } from '../../lambda/input/duration.js';
import { exactObject, textLike, wholeNumber } from '../../lambda/input/faults.js';
import { loginEntries, policyEntries } from '../../lambda/input/settings.js';
import type { AlarmOverrides } from '../alarms/overrides.js';
import { runbookUrl } from '../alarms/runbook.js';
import { alarmEntries, wholeMinutes } from '../alarms/schemas.js';
import { RESOURCE_ID } from '../functions/permissions.js';

/** What the props and `cdk.json` write each in its own way. */
export interface Form<Duration, Instance extends { readonly name: string }> {
  /** Comes out in seconds. */
  readonly duration: v.GenericSchema<Duration, Seconds>;
  readonly fiveMinutes: NonNullable<Duration>;
  readonly instance: v.GenericSchema<unknown, Instance>;
  /** What an alarm does. */
  readonly alarmActions: v.ObjectEntries;
  /** A schema that also takes what only the deployment knows, where that can be. */
  readonly orToken: <Value>(schema: v.GenericSchema<Value>) => v.GenericSchema<Value>;
}

/** The keys that props and entries of `cdk.json` share, with the same meaning. */
export function sharedEntries<Duration, Instance extends { readonly name: string }>(form: Form<Duration, Instance>) {
  return {
    ...loginEntries(form.instance),
    ...policyEntries(form.duration, form.fiveMinutes),
    databaseResourceId: v.optional(form.orToken(textLike(RESOURCE_ID.form, RESOURCE_ID.expected))),
    databasePort: v.optional(form.orToken(wholeNumber(1, 65_535))),
    interfaceEndpoints: v.optional(v.boolean('true or false')),
    trigger: v.optional(v.picklist(['schedule', 'alarm'], '"schedule" or "alarm"'), 'schedule'),
    /** Alarms on Metrics Insights queries look back 3 hours at most, and ours at three to six intervals. */
    interval: v.optional(wholeMinutes(form.duration, 30)),
    /** 900 is Lambda's limit. */
    timeout: v.optional(
      v.pipe(
        form.duration,
        wholeNumber(LEAST_TIMEOUT_SECONDS, 900, 'whole seconds'),
        v.transform((seconds) => CdkDuration.seconds(seconds)),
      ),
    ),
    alarms: v.optional(exactObject(alarmEntries(form)) as v.GenericSchema<unknown, AlarmOverrides>),
    runbookUrl: v.optional(runbookUrl),
  };
}
