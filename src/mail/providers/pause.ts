import { AppError, type ErrorCode } from '../../errors.ts';

/** It wants to be left alone, with whatever message. */
export class ProviderPause extends AppError {
  readonly pauseSeconds: number;

  constructor(code: ErrorCode, message: string, pauseSeconds: number) {
    super(code, message, { retryable: true, retryAfterSeconds: pauseSeconds });
    this.pauseSeconds = pauseSeconds;
  }
}
