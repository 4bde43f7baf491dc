/** Stable codes: part of the API. Their HTTP status and titles are in `src/http/problem.ts`, their meaning in `docs/errors.md`. */
export const errorCodes = [
  'invalid_request',
  'malformed_request',
  'request_timeout',
  'uri_too_long',
  'headers_too_large',
  'secret_in_request',
  'value_out_of_range',
  'invalid_idempotency_key',
  'start_in_past',
  'invalid_filter',
  'invalid_cursor',
  'malformed_json',
  'malformed_multipart',
  'digest_mismatch',
  'tus_version_unsupported',
  'upload_offset_mismatch',
  'upload_busy',
  'upload_expired',
  'unsupported_media_type',
  'payload_too_large',
  'unauthorized',
  'insufficient_scope',
  'not_found',
  'link_expired',
  'link_used_up',
  'file_expired',
  'method_not_allowed',
  'range_not_satisfiable',
  'idempotency_key_reused',
  'job_not_cancellable',
  'job_not_retryable',
  'job_not_dead_lettered',
  'job_not_scheduled',
  'too_many_changes',
  'bulk_action_finished',
  'payload_unreadable',
  'api_key_not_active',
  'too_many_streams',
  'rate_limited',
  'limit_exceeded',
  'content_type_mismatch',
  'image_truncated',
  'file_not_accepted',
  'file_not_found',
  'file_quarantined',
  'file_rejected',
  'data_source_not_found',
  'data_source_configured',
  'encryption_needed',
  'template_not_found',
  'definition_not_found',
  'preset_not_found',
  'presigned_unavailable',
  'presigned_expired',
  'upload_not_received',
  'upload_differs',
  'precondition_failed',
  'template_invalid',
  'message_too_large',
  'job_not_pausable',
  'signature_invalid',
  'temporal_unavailable',
  'database_unavailable',
  'identity_provider_unavailable',
  'storage_unavailable',
  'storage_full',
  'worker_unavailable',
  'overloaded',
  'not_ready',
  'internal_error',
  'mail_rejected',
  'recipient_rejected',
  'delivery_in_doubt',
  'mail_refused_for_now',
  'mail_server_unreachable',
  'mail_configuration',
  'template_failed',
  'source_unreadable',
  'report_too_large',
  'source_too_large',
  'query_invalid',
  'query_timeout',
  'query_too_large',
  'data_source_unreachable',
  'data_source_configuration',
  'image_unreadable',
  'image_too_large',
  'decoder_failed',
  'scanner_unavailable',
  'scanner_configuration',
  'timed_out',
  'terminated',
  'expired',
  'discarded',
  'dead_letter_expired',
  'redrive_limit_reached',
  'job_failed',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** One invalid place: an RFC 6901 pointer into the request body (or `#header:<name>`), and what is wrong there. */
export interface FieldError {
  pointer: string;
  detail: string;
}

export type Patience = 'greylisted' | 'mailbox_full';

export interface AppErrorOptions {
  /** Worth repeating unchanged. Default false. */
  retryable?: boolean;
  /** For `Retry-After`, in seconds. */
  retryAfterSeconds?: number;
  errors?: FieldError[];
  /** The name of the limit that is exceeded. */
  limit?: string;
  /** Soon is useless: who greylists waits for minutes, a full mailbox for its owner. */
  patience?: Patience;
  cause?: unknown;
}

/** A failure with a stable code and a message that may be shown to the caller: no secrets, no upstream stack. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly errors: FieldError[] | undefined;
  readonly limit: string | undefined;
  readonly patience: Patience | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.errors = options.errors;
    this.limit = options.limit;
    this.patience = options.patience;
  }
}

/** The request body is wrong at one place. */
export function invalid(pointer: string, detail: string, code: ErrorCode = 'invalid_request'): AppError {
  return new AppError(code, detail, { errors: [{ pointer, detail }] });
}

/** The same failure, at these places of the request. */
export function placedAt(error: AppError, errors: FieldError[]): AppError {
  const { code, message, retryable, retryAfterSeconds, cause } = error;
  return new AppError(code, message, { retryable, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }), errors, cause });
}
