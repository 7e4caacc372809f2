/**
 * Text for a terminal, in one line: names and the server's messages may hold anything, and nothing of it may steer the
 * terminal or start a line of its own.
 */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}
