/** Of every AWS client. An endpoint out of reach must cost seconds, not the run: two attempts of at most 3 s each. */
export const AWS_CLIENT = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1_500, requestTimeout: 3_000, throwOnRequestTimeout: true },
} as const;
