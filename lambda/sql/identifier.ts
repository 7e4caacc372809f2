/** Quotes a name as PostgreSQL reads identifiers, so that no name can end its own quotes. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
