/** What a report is made of, before it becomes text or Markdown. */

/** One block of a report. */
export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'fields'; readonly fields: readonly Field[] }
  | Table
  | { readonly kind: 'findings'; readonly findings: readonly NumberedFinding[] }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'quotation'; readonly lines: readonly string[] };

/** What belongs together. */
export type Section = readonly Block[];

/** A label, and what there is to say under it. */
export interface Field {
  readonly label: string;
  readonly parts: readonly FieldPart[];
}

/** A sentence, or what is copied in one piece: a command, SQL. */
export type FieldPart = string | { readonly copied: string; readonly language: 'sh' | 'sql' };

/** The first column holds names, the others hold numbers. */
export interface Table {
  readonly kind: 'table';
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How many rows there was no room for. */
  readonly left: number;
}

export interface NumberedFinding {
  readonly number: number;
  readonly text: string;
  readonly remedy: string;
}
