/** A part of a page that is generated, between its marks. */

/**
 * The page with new text between the marks of a block.
 *
 * @throws Error if the page does not have both marks, each once and in order.
 */
export function withBlock(page: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}: generated -->`, `<!-- end of ${name} -->`];
  const [before, rest, ...more] = page.split(begin);
  const [, after, ...others] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length + others.length > 0) {
    throw new Error(`expected ${begin} and ${end}, each once and in this order`);
  }
  return `${before}${begin}\n\n${content}\n\n${end}${after}`;
}

/** A table of Markdown. The first row is its head. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
