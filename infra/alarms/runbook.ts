import { textLike } from '../../lambda/input/faults.js';

/** Where the runbook is in this package. */
export const DEFAULT_RUNBOOK = 'docs/runbook.md';

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
