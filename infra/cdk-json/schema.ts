import { type ConversionConfig, type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import { label } from '../../lambda/input/settings.js';
import { entrySchema } from './entry-schema.js';

/** As people write it, before defaults and units. What no JSON schema can say, such as which keys go together, synth says. */
const AS_WRITTEN: ConversionConfig = { target: 'draft-07', typeMode: 'input', errorMode: 'ignore' };

/**
 * The schema of `cdk.json`, by which editors complete and check it while it is written.
 *
 * @param descriptions what each key of a database means.
 */
export function cdkSchema(descriptions: Readonly<Record<string, string>>): JsonSchema {
  const entry = toJsonSchema(entrySchema, AS_WRITTEN);
  const properties = Object.fromEntries(
    Object.entries(entry.properties ?? {}).map(([key, own]) => [
      key,
      { description: descriptions[key], ...Object(own) } as JsonSchema,
    ]),
  );
  properties['alarms'] = withFalse(properties['alarms'] ?? {}, entry.$defs ?? {});
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'cdk.json of Connection Reaper',
    type: 'object',
    properties: {
      context: {
        type: 'object',
        properties: {
          databases: {
            description: 'The databases to watch, each under the name that it has in metrics, alarms and reports.',
            type: 'object',
            minProperties: 1,
            propertyNames: { ...toJsonSchema(label, AS_WRITTEN), $schema: undefined } as JsonSchema,
            additionalProperties: { ...entry, $schema: undefined, $defs: undefined, properties } as JsonSchema,
          },
        },
      },
    },
  };
}

/** The schema of `databases.json`: the same entries, and a key by which the file names its schema. */
export function databasesSchema(): JsonSchema {
  const { pattern } = toJsonSchema(label, AS_WRITTEN);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'databases.json of Connection Reaper',
    type: 'object',
    properties: { $schema: { type: 'string' } },
    propertyNames: { anyOf: [{ pattern }, { const: '$schema' }] } as JsonSchema,
    additionalProperties: {
      $ref: 'cdk.schema.json#/properties/context/properties/databases/additionalProperties',
    },
  };
}

/** Each alarm is a definition, since the form of what is given decides which schema holds; `false` is the other form. */
function withFalse(alarms: JsonSchema | boolean, definitions: NonNullable<JsonSchema['$defs']>): JsonSchema {
  if (typeof alarms === 'boolean') throw new Error('expected an object of alarms');
  const forms = Object.entries(alarms.properties ?? {}).map(([name, alarm]) => {
    const definition = typeof alarm === 'object' ? definitions[alarm.$ref?.split('/').at(-1) ?? ''] : undefined;
    return [name, { anyOf: [definition, { const: false }] } as JsonSchema] as const;
  });
  return { ...alarms, properties: Object.fromEntries(forms) };
}
