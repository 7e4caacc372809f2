import type { Datapoints } from '../../../demo/cloudwatch/observation.js';
import { TokenReader } from '../../../demo/cloudwatch/token-reader.js';
import { FUNCTIONS, type OperatorName, operate, type Value } from './metric-math-functions.js';

/** What an expression is worked out from. */
export interface Scope {
  /** When each datapoint's period starts: epoch milliseconds. */
  readonly starts: readonly number[];
  /** The datapoints of another entry of the alarm's `Metrics`, by its id. */
  readonly series: (id: string) => Datapoints;
}

/** A parsed expression. */
export interface Expression {
  /** The ids that it refers to. */
  readonly ids: ReadonlySet<string>;
  /** @throws Error when the result is no time series, since an alarm can watch nothing else. */
  readonly evaluate: (scope: Scope) => Datapoints;
}

/**
 * Parses an expression of metric math, as far as it is modelled: `+ - * /`, comparisons, `AND`, `OR`, arrays, and the
 * {@link FUNCTIONS}. Anything else is an error.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function parseExpression(text: string): Expression {
  return new Parser(text).parse();
}

type Node = (scope: Scope) => Value;

/** By recursive descent: each method takes what binds more than what the one above it takes. */
class Parser {
  private readonly ids = new Set<string>();
  private readonly reader;

  constructor(text: string) {
    this.reader = new TokenReader(text, {
      number: /^\d+(?:\.\d+)?/,
      id: /^[a-z]\w*/,
      word: /^[A-Z]\w*/,
      sign: /^(?:&&|\|\||[=!<>]=|[-+*/<>(),])/,
    });
  }

  parse(): Expression {
    const root = this.condition();
    this.reader.demandEnd();
    return {
      ids: this.ids,
      evaluate: (scope) => {
        const value = root(scope);
        if (typeof value === 'object' && 'datapoints' in value) return value.datapoints;
        throw this.reader.error('an alarm watches one time series, and this is none');
      },
    };
  }

  /** Which of AND and OR binds more is not documented, so that both need parentheses. */
  private condition(): Node {
    const first = this.comparison();
    const all = this.leftToRight(first, { AND: 'AND', '&&': 'AND' }, () => this.comparison());
    return all === first ? this.leftToRight(first, { OR: 'OR', '||': 'OR' }, () => this.comparison()) : all;
  }

  private comparison(): Node {
    const left = this.sum();
    const sign = this.reader.take('==', '!=', '<=', '>=', '<', '>') as OperatorName | undefined;
    if (sign === undefined) return left;
    const right = this.sum();
    return (scope) => operate(sign, left(scope), right(scope));
  }

  private sum(): Node {
    return this.leftToRight(this.product(), { '+': '+', '-': '-' }, () => this.product());
  }

  private product(): Node {
    return this.leftToRight(this.factor(), { '*': '*', '/': '/' }, () => this.factor());
  }

  private factor(): Node {
    if (this.reader.take('-') !== undefined) {
      const operand = this.factor();
      return (scope) => operate('-', 0, operand(scope));
    }
    if (this.reader.take('(') !== undefined) return this.until(')', () => this.condition());
    const number = this.reader.takeKind('number');
    if (number !== undefined) return () => Number(number);
    const id = this.reader.takeKind('id');
    if (id === undefined) return this.call();
    this.ids.add(id);
    return (scope) => ({ datapoints: scope.series(id) });
  }

  private call(): Node {
    const name = this.reader.demandKind('word', 'a number, an id or a function');
    if (name === 'SEARCH') throw this.reader.error('CloudWatch makes no alarm of a SEARCH');
    const { counts, apply } = FUNCTIONS[name] ?? {};
    if (counts === undefined || apply === undefined) throw this.reader.error(`the function ${name} is not modelled`);
    this.reader.demand('(');
    const operands = this.until(')', () => this.reader.list(() => this.condition()));
    if (!counts.includes(operands.length)) {
      throw this.reader.error(`${name} takes ${counts.join(' or ')} arguments, got ${operands.length}`);
    }
    return (scope) =>
      apply(
        operands.map((operand) => operand(scope)),
        scope.starts,
      );
  }

  private until<Inner>(end: string, take: () => Inner): Inner {
    const inner = take();
    this.reader.demand(end);
    return inner;
  }

  private leftToRight(first: Node, signs: Readonly<Record<string, OperatorName>>, operand: () => Node): Node {
    let left = first;
    for (;;) {
      const sign = this.reader.take(...Object.keys(signs));
      const name = sign === undefined ? undefined : signs[sign];
      if (name === undefined) return left;
      const [before, after] = [left, operand()];
      left = (scope) => operate(name, before(scope), after(scope));
    }
  }
}
