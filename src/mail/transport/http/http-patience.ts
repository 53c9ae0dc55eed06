/** How long we wait for providers, in milliseconds. */
export interface HttpPatience {
  /** For name, connection and TLS. */
  connectMs: number;
  /** For the request to flow, up to its last byte. */
  transferMs: number;
  /** For the answer. Every time-out here manufactures an unknown. */
  answerMs: number;
  /** The same where the request may be sent again, so that a time-out costs little. */
  idempotentAnswerMs: number;
  /** Before each time that an unanswered request is sent again to a provider that takes it once. */
  resendAfterMs: readonly number[];
}

export const HTTP_PATIENCE: HttpPatience = {
  connectMs: 10_000,
  transferMs: 30_000,
  answerMs: 120_000,
  idempotentAnswerMs: 20_000,
  resendAfterMs: [1_000, 4_000],
};
