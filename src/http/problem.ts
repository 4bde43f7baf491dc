import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';

import { AppError, type ErrorCode, type FieldError } from '../errors.ts';
import type { JobError } from '../jobs/job.ts';

/** Status and title of every code, for answers and for the `error` of a job. Meanings: docs/errors.md. */
export const problems: Record<ErrorCode, { status: number; title: string }> = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  malformed_request: { status: 400, title: 'The request is not well-formed HTTP' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  uri_too_long: { status: 414, title: 'The address is too long' },
  headers_too_large: { status: 431, title: 'There are too many headers, or they are too large' },
  secret_in_request: { status: 400, title: 'The request carries what looks like a credential' },
  value_out_of_range: { status: 400, title: 'A number or a time is outside its range' },
  invalid_idempotency_key: { status: 400, title: 'The Idempotency-Key is not usable' },
  start_in_past: { status: 400, title: 'The start time lies in the past' },
  invalid_filter: { status: 400, title: 'There is no such filter' },
  invalid_cursor: { status: 400, title: 'The cursor is not one of ours' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  malformed_multipart: { status: 400, title: 'The body is not a complete multipart message' },
  digest_mismatch: { status: 400, title: 'The bytes are not those of the digest' },
  tus_version_unsupported: { status: 412, title: 'This version of tus is not known here' },
  upload_offset_mismatch: { status: 409, title: 'The upload goes on at another byte' },
  upload_busy: { status: 423, title: 'The upload is being worked on' },
  upload_expired: { status: 410, title: 'The upload was not finished in time' },
  unsupported_media_type: { status: 415, title: 'This content type is not taken here' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  insufficient_scope: { status: 403, title: 'The API key may not do this' },
  not_found: { status: 404, title: 'Not found' },
  link_expired: { status: 403, title: 'The link has expired' },
  link_used_up: { status: 410, title: 'The file was downloaded as often as its link allows' },
  file_expired: { status: 410, title: 'The file was not kept any longer' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here' },
  range_not_satisfiable: { status: 416, title: 'There are no such bytes' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  job_not_cancellable: { status: 409, title: 'The job has ended already' },
  job_not_retryable: { status: 409, title: 'The job is not waiting for a retry' },
  job_not_dead_lettered: { status: 409, title: 'The job is not a dead letter' },
  job_not_scheduled: { status: 409, title: 'The job is not waiting for its start time' },
  too_many_changes: { status: 409, title: 'The job has been changed too often' },
  payload_unreadable: { status: 403, title: 'These payloads can not be read with this key' },
  bulk_action_finished: { status: 409, title: 'The bulk action has ended already' },
  api_key_not_active: { status: 409, title: 'The API key is no longer valid' },
  too_many_streams: { status: 429, title: 'Too many event streams are open with this key' },
  rate_limited: { status: 429, title: 'Too many requests in this minute' },
  limit_exceeded: { status: 429, title: 'A limit of the tenant is exceeded' },
  content_type_mismatch: { status: 400, title: 'The file is not what it is declared to be' },
  file_not_accepted: { status: 400, title: 'The preset does not take this file' },
  image_truncated: { status: 400, title: 'The image is incomplete' },
  file_not_found: { status: 400, title: 'There is no such file' },
  file_quarantined: { status: 409, title: 'The checks of the file are not done yet' },
  file_rejected: { status: 409, title: 'The file was rejected' },
  data_source_not_found: { status: 400, title: 'There is no such data source' },
  data_source_configured: { status: 409, title: 'The data source stands in the configuration' },
  encryption_needed: { status: 409, title: 'Secrets can not be stored without encryption' },
  template_not_found: { status: 400, title: 'There is no such e-mail template' },
  definition_not_found: { status: 400, title: 'There is no such report definition' },
  preset_not_found: { status: 400, title: 'There is no such upload preset' },
  presigned_unavailable: { status: 409, title: 'Clients can not reach the storage' },
  presigned_expired: { status: 410, title: 'The upload was not completed in time' },
  upload_not_received: { status: 409, title: 'Nothing was uploaded yet' },
  upload_differs: { status: 400, title: 'Something else was uploaded than what was announced' },
  precondition_failed: { status: 412, title: 'It has changed meanwhile' },
  template_invalid: { status: 422, title: 'The e-mail template can not be used' },
  message_too_large: { status: 413, title: 'The message is larger than mail servers take' },
  job_not_pausable: { status: 409, title: 'The job can not be paused or resumed now' },
  signature_invalid: { status: 401, title: 'The signature of the notification is not valid' },
  temporal_unavailable: { status: 503, title: 'Temporal does not answer' },
  database_unavailable: { status: 503, title: 'The database does not answer' },
  identity_provider_unavailable: { status: 503, title: 'The identity provider does not answer' },
  storage_unavailable: { status: 503, title: 'Files cannot be stored now' },
  storage_full: { status: 507, title: 'There is no room for more files' },
  worker_unavailable: { status: 503, title: 'No worker answers' },
  overloaded: { status: 503, title: 'More work is waiting than can be done soon' },
  not_ready: { status: 503, title: 'Not ready' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  mail_rejected: { status: 422, title: 'The mail server rejected the message for good' },
  recipient_rejected: { status: 422, title: 'The mail server knows no such recipient' },
  delivery_in_doubt: { status: 500, title: 'Nobody knows whether the message was taken' },
  mail_refused_for_now: { status: 503, title: 'The mail server refused the message for now' },
  mail_server_unreachable: { status: 503, title: 'The mail server cannot be reached' },
  mail_configuration: { status: 503, title: 'The mail server does not accept our settings' },
  template_failed: { status: 422, title: 'The e-mail template can not be rendered' },
  source_unreadable: { status: 422, title: 'The source of the report cannot be read' },
  source_too_large: { status: 422, title: 'The sources of the report are too large' },
  query_invalid: { status: 422, title: 'The query of the report cannot be run' },
  query_timeout: { status: 422, title: 'The query of the report takes too long' },
  query_too_large: { status: 422, title: 'The query of the report needs or gives too much' },
  data_source_unreachable: { status: 503, title: 'The data source cannot be reached' },
  data_source_configuration: { status: 503, title: 'The data source does not accept our settings' },
  report_too_large: { status: 422, title: 'The report is too large for the format' },
  image_unreadable: { status: 422, title: 'The image cannot be decoded' },
  image_too_large: { status: 422, title: 'The image has too many pixels' },
  decoder_failed: { status: 422, title: 'The file can not be decoded within limits' },
  scanner_unavailable: { status: 503, title: 'The virus scanner does not answer' },
  scanner_configuration: { status: 503, title: 'The virus scanner is not set up for this' },
  timed_out: { status: 500, title: 'The job ran out of time' },
  terminated: { status: 500, title: 'The job was terminated' },
  expired: { status: 504, title: 'The job was not begun in time' },
  discarded: { status: 500, title: 'The job was discarded' },
  dead_letter_expired: { status: 500, title: 'The dead letter was closed after 30 days' },
  redrive_limit_reached: { status: 500, title: 'The job was retried too often' },
  job_failed: { status: 500, title: 'The job failed' },
};

/** RFC 9457 problem type. docs/errors.md explains each code. */
const typeOf = (code: ErrorCode) => `urn:handoff:problem:${code}`;

export interface Problem extends Record<string, unknown> {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  retryable: boolean;
}

/**
 * The failure of a job, in the shape of an answer's. Repeating may help where it was not the input that failed; in doubt it may do
 * harm, and a program that repeats whatever it may must not.
 */
export function problemOfJob({ code, message, details }: JobError): Problem {
  const { status, title } = problems[code];
  return { ...details, type: typeOf(code), title, status, detail: message, code, retryable: status >= 500 && code !== 'delivery_in_doubt' };
}

/** Body parsers and Express report in their own words; nothing of their text is passed on. */
function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  if (type === 'entity.too.large') return new AppError('payload_too_large', 'The body is larger than this path takes.', { cause: error });
  if (type === 'entity.parse.failed') return new AppError('malformed_json', 'The body is not valid JSON.', { cause: error });
  if (type === 'charset.unsupported' || type === 'encoding.unsupported')
    return new AppError('unsupported_media_type', 'This charset or content encoding is not taken here.', { cause: error });
  if (status !== undefined && status >= 400 && status < 500)
    return new AppError('invalid_request', 'The request could not be read.', { cause: error });
  return new AppError('internal_error', 'Something went wrong on our side. The request id finds the cause in the log.', { cause: error });
}

/** Without what only a request has. */
export function problemOf({ code, message, retryable, limit, errors }: AppError): Problem & { limit?: string; errors?: FieldError[] } {
  return {
    type: typeOf(code),
    ...problems[code],
    detail: message,
    code,
    retryable,
    ...(limit !== undefined && { limit }),
    ...(errors && { errors }),
  };
}

export function sendProblem(request: Request, response: Response, error: AppError, more: Record<string, unknown> = {}): void {
  if (error.retryAfterSeconds !== undefined) response.set('Retry-After', String(error.retryAfterSeconds));
  const instance = request.originalUrl.split('?')[0];
  response
    .status(problems[error.code].status)
    // RFC 9111, 4.2.2: without it a 404 or 410 might be kept.
    .set('Cache-Control', 'no-store')
    .type('application/problem+json')
    .json({ ...problemOf(error), instance, requestId: response.locals['requestId'] as string, ...more });
}

/** The only place that writes an error answer. `onUnexpected` gets what is a defect of ours. */
export function problemHandler(onUnexpected: (error: unknown, requestId: string) => void): ErrorRequestHandler {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters
  return (error: unknown, request, response, _next) => {
    const known = asAppError(error);
    if (known.code === 'internal_error') onUnexpected(error, response.locals['requestId'] as string);
    // Too late for an answer: a cut connection tells the client that the bytes are not complete. Express would print the error, too.
    if (response.headersSent) response.destroy();
    else sendProblem(request, response, known);
  };
}

export const unknownPath: RequestHandler = (request, response) => {
  sendProblem(request, response, new AppError('not_found', 'There is nothing at this path.'));
};
