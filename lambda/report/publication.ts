/** What was published, and how. */
export interface Publication {
  /** PutMetricData requests made, the failed and the repeated ones included. */
  readonly requests: number;
  readonly datapoints: number;
  /** `emf` when any of them went out as log lines. */
  readonly via: 'api' | 'emf' | 'none';
  readonly error: string | null;
}
