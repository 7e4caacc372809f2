/**
 * The names that the function and the infrastructure share, such as environment variables, roles and instances. Imports
 * nothing.
 */

/** The environment variable that carries the settings, as JSON. */
export const SETTINGS_VARIABLE = 'REAPER_SETTINGS';

/** The bootstrap's environment variable that names the secret of an administrator. The scheduled function has none. */
export const ADMIN_SECRET_VARIABLE = 'REAPER_ADMIN_SECRET';

/** The role that the bootstrap makes, unless the deployment names another. */
export const REAPER_ROLE = 'connection_reaper';

/**
 * What the comment on a reaper's role begins with; the name of its database in metrics and reports follows. PostgreSQL lets
 * only superusers and administrators of roles comment on a role, so nobody can give it to itself.
 */
export const REAPER_MARK = 'Connection Reaper: ';

/** The name of the one instance that settings without `instances` describe: the host and port in the secret. */
export const DEFAULT_INSTANCE_NAME = 'primary';

/**
 * The least time, in seconds, that a run needs to keep its promises: a login that knocks, one round of work, and the
 * publishing of what came of it at an endpoint that does not answer.
 */
export const LEAST_TIMEOUT_SECONDS = 35;

/** The `application_name` of the reaper's own session. */
export const REAPER_APPLICATION_NAME = 'connection-reaper';
