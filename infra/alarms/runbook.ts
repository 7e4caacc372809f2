import { textLike } from '../../lambda/input/faults.js';

/**
 * How long an address of the runbook may be, so that every description has room for it, whatever the names: CloudWatch takes
 * 1024 characters.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
export const MAX_RUNBOOK_URL = 150;

/** The address of a page, to which a heading can be added. */
export const runbookUrl = textLike(
  new RegExp(`^(?=.{1,${MAX_RUNBOOK_URL}}$)https?://[!"$-~]+$`),
  `an address that begins with https:// or http://, has no blanks and no #, and ${MAX_RUNBOOK_URL} characters at most`,
);

/**
 * Where the runbook describes an alarm.
 *
 * @param url of the runbook. Without one, a relative link would lead nowhere in the console, so the text names the file.
 */
export function runbookSection(kind: string, url: string | undefined): string {
  return url === undefined
    ? `Runbook: docs/runbook.md in the package connection-reaper, heading ${kind}.`
    : `${url}#${kind.toLowerCase()}`;
}
