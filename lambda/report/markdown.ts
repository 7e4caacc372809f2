/** The report for a ticket or a chat. */
import { printable } from '../input/printable.js';
import type { Block, Field, FieldPart, Section, Table } from './document/block.js';

/** @see https://github.github.com/gfm/ */
export function renderMarkdown(sections: readonly Section[]): string {
  return `${sections.flat().map(blockText).join('\n\n')}\n`;
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return escaped(block.text);
    case 'heading':
      return `### ${escaped(block.text)}`;
    case 'fields':
      return block.fields.map(fieldText).join('\n');
    case 'table':
      return tableText(block);
    case 'findings':
      return block.findings
        .map(({ number, text, remedy }) => `${number}. ${escaped(text)}\n   - ${escaped(remedy)}`)
        .join('\n');
    case 'list':
      return block.items.map((item) => `- ${escaped(item)}`).join('\n');
    case 'quotation':
      // Each line is a paragraph, or they would flow together.
      return block.lines.map((line) => `> ${escaped(line)}`).join('\n>\n');
  }
}

function fieldText({ label, parts }: Field): string {
  const [first, ...others] = parts;
  if (typeof first === 'string' && others.length === 0) return `- **${label}**: ${escaped(first)}`;
  return [`- **${label}**:`, ...parts.map(partText)].join('\n');
}

function partText(part: FieldPart): string {
  if (typeof part === 'string') return `  - ${escaped(part)}`;
  const code = printable(part.copied);
  const fence = '`'.repeat(Math.max(2, ...(code.match(/`+/g) ?? []).map((run) => run.length)) + 1);
  return `  - ${fence}${part.language}\n    ${code}\n    ${fence}`;
}

function tableText({ header, rows, left }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`;
  const rule = `| ${header.map((_, index) => (index === 0 ? '---' : '---:')).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line), ...(left > 0 ? ['', `and ${left} more`] : [])].join('\n');
}

/** Of Markdown: what means something anywhere in a line, and what begins an address that it would make a link of. */
const MARKS = /[\\`*_{}[\]<>|~&#@]|:(?=\/\/)|(?<=www)\./gi;

/** At the start of a line: a list, a rule. */
const MARK_AT_START = /^[-+=]|(?<=^\d+)[.)]/;

/** A name may hold anything, and is shown as it is: no markup, no HTML, no link, no list, no heading. */
function escaped(text: string): string {
  return printable(text).trimStart().replace(MARKS, '\\$&').replace(MARK_AT_START, '\\$&');
}
