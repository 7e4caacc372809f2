/** What PutMetricData refuses. */
import { type MetricDatum, StandardUnit } from '@aws-sdk/client-cloudwatch';

/** A datum on the wire, with the parameters that the function sends, and epoch seconds. The SDK writes NaN as a text. */
export type WireDatum = Pick<MetricDatum, 'MetricName' | 'Dimensions' | 'Value' | 'Unit'> & {
  readonly Timestamp?: number;
};

/** A `PutMetricData` on the wire, before anybody looked whether it is a good one. */
export interface WireRequest {
  readonly Namespace?: string;
  readonly MetricData?: readonly WireDatum[];
}

/** The limits of what `PutMetricData` takes. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
const LIMITS = {
  metrics: 1000,
  dimensions: 30,
  magnitude: 2 ** 360,
  pastMs: 14 * 24 * 60 * 60 * 1000,
  futureMs: 2 * 60 * 60 * 1000,
};

/** What CloudWatch calls a fault; its exceptions are named after these. */
export type FaultKind = 'InvalidParameterValue' | 'MissingRequiredParameter';

/** One thing wrong with a request. */
export interface Fault {
  readonly kind: FaultKind;
  readonly message: string;
}

const invalid = (message: string): Fault => ({ kind: 'InvalidParameterValue', message });
const missing = (path: string): Fault => ({
  kind: 'MissingRequiredParameter',
  message: `The parameter ${path} is required.`,
});

/** All that CloudWatch would find wrong with a request, in the order of its parameters. */
export function* faultsOf({ Namespace, MetricData, ...others }: WireRequest): Generator<Fault> {
  yield* textFaults('Namespace', Namespace, 255);
  if (Namespace?.startsWith(':') || Namespace?.startsWith('AWS/')) {
    yield invalid(`The value ${Namespace} for parameter Namespace is invalid.`);
  }
  yield* unknownFaults(others);
  if (!MetricData?.length) yield missing('MetricData');
  yield* sizeFaults('MetricData', MetricData, LIMITS.metrics);
  for (const [index, datum] of (MetricData ?? []).entries())
    yield* datumFaults(`MetricData.member.${index + 1}`, datum);
}

function* datumFaults(path: string, datum: WireDatum): Generator<Fault> {
  const { MetricName, Dimensions = [], Value, Unit, Timestamp, ...others } = datum;
  yield* lengthFaults(`${path}.MetricName`, MetricName, 255);
  yield* dimensionFaults(path, Dimensions);
  yield* numberFaults(`${path}.Value`, Value);
  yield* unknownFaults(others);
  if (Unit !== undefined && !Object.values(StandardUnit).includes(Unit)) {
    yield invalid(
      `The parameter ${path}.Unit must be a value in the set [ ${Object.values(StandardUnit).join(', ')} ].`,
    );
  }
  const ageMs = Timestamp === undefined ? 0 : Date.now() - Timestamp * 1000;
  if (ageMs > LIMITS.pastMs)
    yield invalid(`The parameter ${path}.Timestamp must specify a time within the past two weeks.`);
  if (ageMs < -LIMITS.futureMs) {
    yield invalid(`The parameter ${path}.Timestamp must specify a time no more than two hours in the future.`);
  }
}

function* dimensionFaults(path: string, dimensions: NonNullable<MetricDatum['Dimensions']>): Generator<Fault> {
  yield* sizeFaults(`${path}.Dimensions`, dimensions, LIMITS.dimensions);
  for (const [index, { Name, Value }] of dimensions.entries()) {
    const member = `${path}.Dimensions.member.${index + 1}`;
    yield* textFaults(`${member}.Name`, Name, 255);
    if (Name?.startsWith(':')) yield invalid(`The value ${Name} for parameter ${member}.Name is invalid.`);
    yield* textFaults(`${member}.Value`, Value, 1024);
  }
  if (new Set(dimensions.map(({ Name }) => Name)).size < dimensions.length) {
    yield invalid('No metric may specify the same dimension name twice.');
  }
}

/** CloudWatch has more parameters, which the function does not send. */
function* unknownFaults(others: object): Generator<Fault> {
  for (const name of Object.keys(others)) yield invalid(`${name} is not known to this stand-in.`);
}

function* numberFaults(path: string, value: unknown): Generator<Fault> {
  if (value === undefined) yield missing(path);
  // The SDK writes NaN and the infinities as texts.
  else if (typeof value !== 'number' || Math.abs(value) > LIMITS.magnitude) {
    yield invalid(`The value ${value} for parameter ${path} is invalid.`);
  }
}

function* sizeFaults(path: string, list: readonly unknown[] = [], max: number): Generator<Fault> {
  if (list.length > max) yield invalid(`The collection ${path} must not have a size greater than ${max}.`);
}

function* lengthFaults(path: string, text: string | undefined, max: number): Generator<Fault> {
  if (text === undefined) yield missing(path);
  else if (text.length < 1) yield invalid(`The parameter ${path} must be longer than 0 characters.`);
  else if (text.length > max) yield invalid(`The parameter ${path} must be shorter than ${max + 1} characters.`);
}

function* textFaults(path: string, text: string | undefined, max: number): Generator<Fault> {
  yield* lengthFaults(path, text, max);
  if (text && !/^[\x20-\x7e]*$/.test(text))
    yield invalid(`The parameter ${path} must hold ASCII without control characters.`);
  if (text && text.trim() === '') yield invalid(`The parameter ${path} must hold a character that is not whitespace.`);
}
