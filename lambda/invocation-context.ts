/** What the handlers use of the context that Lambda gives them. */
export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}
