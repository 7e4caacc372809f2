/** The report for a terminal of 80 columns. */
import { printable } from '../input/printable.js';
import type { Block, Field, FieldPart, Section, Table } from './document/block.js';
import { wrap } from './wrap.js';

const LABEL_WIDTH = 7;
const NAME_WIDTH = 30;
/** Of a column with numbers, at least. */
const NUMBER_WIDTH = 8;

/** Sections stand apart by an empty line. */
export function renderText(sections: readonly Section[]): string {
  return sections
    .flatMap((section, index) => [...(index === 0 ? [] : ['']), ...section.flatMap(blockLines)])
    .map(printable)
    .join('\n');
}

function blockLines(block: Block): readonly string[] {
  switch (block.kind) {
    case 'paragraph':
      return wrap('', block.text);
    case 'heading':
      return [block.text];
    case 'fields':
      return block.fields.flatMap(fieldLines);
    case 'table':
      return tableLines(block);
    case 'findings':
      return block.findings.flatMap(({ number, text, remedy }) => [
        ...wrap(`${number}. `, text),
        ...wrap('   -> ', remedy),
      ]);
    case 'list':
      return block.items.map((item) => `  ${item}`);
    case 'quotation':
      return block.lines.flatMap((line) => wrap('  ', line));
  }
}

function fieldLines({ label, parts }: Field): readonly string[] {
  return parts.flatMap((part, index) => partLines(`   ${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}`, part));
}

/** What is copied in one piece is in one line. */
function partLines(label: string, part: FieldPart): readonly string[] {
  return typeof part === 'string' ? wrap(label, part) : [`${label}${part.copied}`];
}

function tableLines({ header, rows, left }: Table): readonly string[] {
  const widths = header.map((title) => Math.max(title.length + 1, NUMBER_WIDTH));
  const line = ([name = '', ...cells]: readonly string[]) =>
    `  ${fitted(name)}${cells.map((cell, index) => cell.padStart(widths[index + 1] ?? NUMBER_WIDTH)).join('')}`;
  return [line(header), ...rows.map(line), ...(left > 0 ? [`  and ${left} more`] : [])];
}

/** A long name would push the numbers out of the screen. */
function fitted(name: string): string {
  return name.length <= NAME_WIDTH ? name.padEnd(NAME_WIDTH) : `${name.slice(0, NAME_WIDTH - 1)}…`;
}
