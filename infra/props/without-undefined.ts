/** The members of an object that were given. */
export type Given<Members> = { [Key in keyof Members]?: Exclude<Members[Key], undefined> };

/** Drops the members that are `undefined`, which the types of CDK's props tell apart from absent ones. */
export function withoutUndefined<Members extends object>(members: Members): Given<Members> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<Members>;
}
