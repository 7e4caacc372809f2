import { InvalidArgumentError } from 'commander';

/**
 * Reads how many, as somebody typed it.
 *
 * @throws InvalidArgumentError when it is no whole number, or less than 1
 */
export function count(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('expected a whole number, 1 or more');
  return Number(text);
}
