import { major } from './postgres-majors.js';

/** What the owner of a database, or an administrator of roles, may set for every session there, and what would mislead us. */
export const HOSTILE_SETTINGS: readonly (readonly [setting: string, value: string])[] = [
  ['standard_conforming_strings', 'off'],
  ['quote_all_identifiers', 'on'],
  ['role', 'checkout'],
  ['default_transaction_read_only', 'on'],
  ['default_transaction_isolation', 'serializable'],
  ['default_transaction_deferrable', 'on'],
  ['search_path', 'trap'],
  ['array_nulls', 'off'],
  ['check_function_bodies', 'off'],
  ['exit_on_error', 'on'],
  ['client_min_messages', 'error'],
  ['plpgsql.extra_errors', 'all'],
  ['plpgsql.extra_warnings', 'all'],
  ['statement_timeout', '5ms'],
  ['lock_timeout', '1ms'],
  ...(major >= 16 ? ([['createrole_self_grant', 'set, inherit']] as const) : []),
  ...(major >= 17 ? ([['transaction_timeout', '5s']] as const) : []),
];
