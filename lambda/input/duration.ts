import * as v from 'valibot';

/** A length of time in seconds. */
export type Seconds = number;

const UNITS: Readonly<Record<string, Seconds>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

const NOTATION = /^[1-9]\d{0,8}[smhd]$/;

/** A duration as settings and events write it, `"90s"`, `"5m"`, `"2h"` or `"1d"`; comes out in seconds, one at least. */
export const duration = v.pipe(
  v.string('a duration such as "90s", "5m" or "1h"'),
  v.regex(NOTATION, 'a duration such as "90s", "5m" or "1h"'),
  v.transform((text): Seconds => Number.parseInt(text, 10) * (UNITS[text.slice(-1)] ?? Number.NaN)),
);

/** A length of time as people write it, in the two largest units that matter: `45s`, `5m`, `2h 10m`, `3d 4h`. */
export function formatDuration(seconds: Seconds): string {
  const whole = Math.floor(seconds);
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const;
  const largest = parts.findIndex(([count]) => count > 0);
  if (largest === -1) return '0s';
  return parts
    .slice(largest, largest + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
