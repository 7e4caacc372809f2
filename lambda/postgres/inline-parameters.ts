import pg from 'pg';

/**
 * Puts parameters into a statement as literals, for the simple protocol: a walsender refuses the extended one (08P01).
 * Only for statements whose placeholders stand outside of strings and comments, as ours do; a name in quotes may hold a `$1`.
 */
export function inlineParameters(statement: string, parameters: readonly unknown[]): string {
  return statement.replace(/"(?:[^"]|"")*"|\$(\d+)/g, (placeholder, position: string | undefined) => {
    if (position === undefined) return placeholder;
    const index = Number(position) - 1;
    if (index >= parameters.length) throw new RangeError(`no parameter for ${placeholder}`);
    return literal(parameters[index]);
  });
}

function literal(parameter: unknown): string {
  if (parameter === null || parameter === undefined) return 'null';
  if (Array.isArray(parameter)) return pg.escapeLiteral(`{${parameter.map(element).join(',')}}`);
  return pg.escapeLiteral(String(parameter));
}

/** An element of an array as text: quoted, so that braces, commas and the word NULL stand for themselves. */
function element(value: unknown): string {
  return value === null ? 'null' : `"${String(value).replace(/[\\"]/g, '\\$&')}"`;
}
