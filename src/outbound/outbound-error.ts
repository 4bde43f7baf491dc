/** Only fixed texts: what the other side says is not passed on. */
const reasons = {
  refused: 'Requests to this address are not allowed',
  unreachable: 'The other side cannot be reached',
  timed_out: 'The other side took too long',
  too_large: 'The answer is too large',
} as const;

export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly reason: keyof typeof reasons;
  /** There was a connection: the request may have arrived, whole or in part. */
  readonly connected: boolean;

  constructor(reason: keyof typeof reasons, { connected = false, cause }: { connected?: boolean; cause?: unknown } = {}) {
    super(reasons[reason], { cause });
    this.reason = reason;
    this.connected = connected;
  }
}
