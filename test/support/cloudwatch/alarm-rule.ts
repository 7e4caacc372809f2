import { TokenReader } from '../../../demo/cloudwatch/token-reader.js';
import type { AlarmState } from './alarm-state.js';

/** A parsed rule of a composite alarm. */
export interface AlarmRule {
  /** The alarms that it refers to, by name or ARN, as written. */
  readonly alarms: ReadonlySet<string>;
  /** @param stateOf the state of an alarm that the rule refers to. */
  readonly holds: (stateOf: (alarm: string) => AlarmState | undefined) => boolean;
}

const STATES: Readonly<Partial<Record<string, AlarmState>>> = {
  ALARM: 'ALARM',
  OK: 'OK',
  INSUFFICIENT_DATA: 'INSUFFICIENT_DATA',
};

/**
 * Parses a composite alarm's rule: `ALARM("…")`, `OK("…")`, `INSUFFICIENT_DATA("…")`, `TRUE`, `FALSE`, `NOT`, `AND`, `OR`
 * and parentheses. `AT_LEAST` is not modelled.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html
 */
export function parseAlarmRule(text: string): AlarmRule {
  return new Parser(text).parse();
}

type Node = AlarmRule['holds'];

class Parser {
  private readonly alarms = new Set<string>();
  private readonly reader;

  constructor(text: string) {
    this.reader = new TokenReader(text, {
      sign: /^[(),]/,
      quoted: /^"((?:[^"\\]|\\.)*)"/,
      // A name without quotes has no blanks, parentheses and commas.
      word: /^[^\s(),"]+/,
    });
  }

  parse(): AlarmRule {
    const holds = this.rule();
    this.reader.demandEnd();
    return { alarms: this.alarms, holds };
  }

  /** Which of AND and OR binds more is not documented, so that both need parentheses. */
  private rule(): Node {
    const operands = [this.operand()];
    const operator = this.reader.take('AND', 'OR');
    if (operator === undefined) return operands[0] as Node;
    do operands.push(this.operand());
    while (this.reader.take(operator) !== undefined);
    return (stateOf) => operands[operator === 'AND' ? 'every' : 'some']((holds) => holds(stateOf));
  }

  private operand(): Node {
    if (this.reader.take('NOT') !== undefined) {
      const negated = this.operand();
      return (stateOf) => !negated(stateOf);
    }
    if (this.reader.take('(') !== undefined) {
      const inner = this.rule();
      this.reader.demand(')');
      return inner;
    }
    const constant = this.reader.take('TRUE', 'FALSE');
    return constant === undefined ? this.stateFunction() : () => constant === 'TRUE';
  }

  private stateFunction(): Node {
    const name = this.reader.demandKind('word', 'a function of an alarm');
    const state = STATES[name];
    if (state === undefined) throw this.reader.error(`${name} is not modelled`);
    this.reader.demand('(');
    const alarm = this.reader.takeKind('quoted') ?? this.reader.demandKind('word', 'the name of an alarm');
    this.reader.demand(')');
    this.alarms.add(alarm);
    return (stateOf) => stateOf(alarm) === state;
  }
}
