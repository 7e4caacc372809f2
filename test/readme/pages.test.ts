/** The form of the pages: their length, their lines, their tables and their links. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PAGES, PROJECT, read } from './commands.js';

describe.each(PAGES)('%s', (path) => {
  const text = read(path);
  const written = withoutGenerated(text);

  it('is short enough to read', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(path === 'README.md' ? 200 : 300);
  });

  it('has no line of more than 120 characters but in code and tables', () => {
    const isCode = (line: string) => /^\s*`[^`]+`$/.test(line);
    const lines = withoutCode(written).split('\n');
    expect(lines.filter((line) => line.length > 120 && !line.startsWith('|') && !isCode(line))).toEqual([]);
  });

  it('has no cell of more than 160 characters, and as many in each row', () => {
    const tables = withoutCode(written).match(/(?:^\|.*\n)+/gm) ?? [];
    for (const table of tables) {
      const rows = table.trimEnd().split('\n').map(cellsOf);
      expect(rows.flat().filter((cell) => cell.length > 160)).toEqual([]);
      expect(new Set(rows.map(({ length }) => length)).size, table).toBe(1);
    }
  });

  it('links to files and headings that there are', () => {
    expect(linksIn(text).filter((link) => !leadsSomewhere(path, link))).toEqual([]);
  });
});

it('README links to every page', () => {
  const linked = linksIn(read('README.md')).map((link) => link.replace(/#.*/, ''));
  for (const path of PAGES) if (path !== 'README.md') expect(linked).toContain(path);
});

describe('a heading', () => {
  it.each([
    ['## What it never does', ['what-it-never-does']],
    ['# `trigger: alarm`, and *more*', ['trigger-alarm-and-more']],
    ['## A\n### A', ['a', 'a-1']],
    ['```\n# no heading\n```\n', []],
  ])('%j has the anchor that GitHub gives it', (markdown, anchors) => {
    expect(anchorsIn(markdown)).toEqual(anchors);
  });
});

/** Links of Markdown to something in the project. */
function linksIn(markdown: string): readonly string[] {
  const links = [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !/^https?:/.test(link));
}

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? from : normalize(join(dirname(from), file));
  if (!existsSync(join(PROJECT, path))) return false;
  return anchor === undefined || anchorsIn(read(path)).includes(anchor);
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsIn(markdown: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...withoutCode(markdown).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => {
    const anchor = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

function cellsOf(row: string): readonly string[] {
  return row.slice(1, -1).split('|');
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```.*?^```$/gms, '');
}

function withoutGenerated(markdown: string): string {
  return markdown.replaceAll(/<!-- ([\w ]+): generated -->.*?<!-- end of \1 -->/gs, '');
}
