import { type ConversionConfig, type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import { settingsSchema } from '../../lambda/input/settings.js';
import { deploymentSchema } from '../props/deployment-schema.js';
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
  const known = { ...propertiesOf(settingsSchema), ...propertiesOf(deploymentSchema) };
  const properties = Object.fromEntries(
    Object.entries(entry.properties ?? {}).map(([key, own]) => [
      key,
      // An entry leaves what it calls anything to the schemas of those who use it.
      { description: descriptions[key], ...Object(isEmpty(own) ? known[key] : own) } as JsonSchema,
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
            propertyNames: propertiesOf(settingsSchema)['databaseLabel'] as JsonSchema,
            additionalProperties: { ...entry, $schema: undefined, $defs: undefined, properties } as JsonSchema,
          },
        },
      },
    },
  };
}

function propertiesOf(schema: GenericSchema): NonNullable<JsonSchema['properties']> {
  return toJsonSchema(schema, AS_WRITTEN).properties ?? {};
}

function isEmpty(schema: JsonSchema | boolean): boolean {
  return typeof schema === 'object' && Object.keys(schema).length === 0;
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
