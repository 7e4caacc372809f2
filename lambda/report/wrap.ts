/** A terminal of the usual width, which a person may have who was woken up. */
const WIDTH = 80;

/**
 * Breaks a text at spaces into lines of 80 columns, each but the first one indented.
 *
 * @param label stands before the first line.
 */
export function wrap(label: string, text: string): readonly string[] {
  const indent = ' '.repeat(label.length);
  const lines: string[] = [];
  let line = label;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
