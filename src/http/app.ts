import express, { type Express, type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import { randomUUID } from 'node:crypto';

import { apiKeys } from './api-keys.ts';
import { auditing } from './auditing.ts';
import { auditLog, type AuditLogDependencies } from './audit-log.ts';
import { authenticate, type Authenticators, knownCaller, tokenInQuery } from './authentication.ts';
import { bulkActions } from './bulk-actions.ts';
import { codec, type CodecDependencies, type DevCodec, devCodec } from './codec.ts';
import { nothingRuns } from './content-policy.ts';
import { allowOrigins } from './cors.ts';
import type { CaughtMail } from './dev-mail/caught-mail.ts';
import { dataSources, type DataSourceDependencies } from './data-sources.ts';
import { devMail } from './dev-mail/routes.ts';
import { devUpload } from './dev-upload/routes.ts';
import { docs } from './docs.ts';
import { emailBatches, type EmailBatchDependencies } from './email-batches.ts';
import { type PresetDependencies, uploadPresets } from './upload-presets.ts';
import { emailTemplates, type TemplateDependencies } from './email-templates.ts';
import { type EventDependencies, events } from './events.ts';
import { explaining } from './explain.ts';
import { files, signedContent } from './files.ts';
import { health, type ReadinessChecks, type ReadinessFacts } from './health.ts';
import { jobActions } from './job-actions.ts';
import { jobTokens } from './job-tokens.ts';
import { jobLists } from './job-lists.ts';
import { jobs } from './jobs.ts';
import { limits } from './limits.ts';
import { mailProviders, type MailProviderDependencies } from './mail-providers.ts';
import { createMetrics, type Metrics, metricsPage } from './metrics.ts';
import { loggedPath } from './logged-path.ts';
import { bounces, type MailEventDependencies, mailEvents } from './mail-events.ts';
import { problemHandler, unknownPath } from './problem.ts';
import { limitKeyless, limitRequests } from './rate-limits.ts';
import { wellFormed } from './request-limits.ts';
import { type DefinitionDependencies, reportDefinitions } from './report-definitions.ts';
import { type ReportPreviewDependencies, reportPreviews } from './report-previews.ts';
import { refusingSecrets, type SecretRefusal } from './secrets-in-request.ts';
import { rawUploads } from './raw-uploads.ts';
import { presignedUploads } from './presigned-uploads.ts';
import { type SubmissionDependencies, submissions } from './submissions.ts';
import { createSubmitting, type SubmittingDependencies } from './submitting.ts';
import { type PreviewDependencies, templatePreview } from './template-preview.ts';
import { type SuppressionDependencies, suppressions } from './suppressions.ts';
import { tusCapabilities, type TusDependencies, tusUploads } from './tus/routes.ts';
import { unsubscribe, type UnsubscribeDependencies } from './unsubscribe.ts';
import { createWaiting } from './waiting.ts';

/** An answer, for the log. */
export interface Answered {
  requestId: string;
  method: string;
  /** Without anything that a caller could have chosen: that may be personal data. */
  path: string;
  status: number;
  milliseconds: number;
  /** Of the caller; not there without a valid key or token. */
  keyId?: string;
}

export interface AppDependencies
  extends
    Omit<SubmissionDependencies, 'waiting' | 'submitReceived'>,
    Omit<SubmittingDependencies, 'refuseSecrets' | 'dataSources'>,
    Omit<TusDependencies, 'submitReceived' | 'refuseSecrets'>,
    EventDependencies,
    CodecDependencies,
    Authenticators,
    AuditLogDependencies,
    MailProviderDependencies,
    Omit<TemplateDependencies, 'refuseSecrets'>,
    Omit<PresetDependencies, 'refuseSecrets'>,
    PreviewDependencies,
    Omit<DefinitionDependencies, 'refuseSecrets'>,
    Pick<ReportPreviewDependencies, 'previewSeconds'>,
    Pick<EmailBatchDependencies, 'deliveries'>,
    SuppressionDependencies,
    Omit<UnsubscribeDependencies, 'suppressions'>,
    MailEventDependencies,
    DataSourceDependencies {
  metrics: Metrics;
  checks: ReadinessChecks;
  /** Default: none. */
  facts?: ReadinessFacts;
  onAnswer: (answer: Answered) => void;
  /** Of pages that may call this API. Default: none. */
  corsOrigins?: readonly string[];
  /** Of Temporal's Web UI, which may decrypt. Default: none. */
  codecOrigins?: readonly string[];
  /** Of the Web UI of `npm start`, which can't send a key. */
  devCodec?: DevCodec;
  /** What the mail catcher of `npm start` has kept, for a person on this machine. */
  caughtMail?: CaughtMail;
  /** Whether there is a page to try uploads on, for a person on this machine. Default: no. */
  tryUploads?: boolean;
  /** Proxies whose forwarding headers are believed: how many, or which networks. Default: none. */
  trustProxy?: number | string[] | undefined;
  /** Whether bodies that seem to carry a credential are refused. Default: `off`. */
  refuseSecrets?: SecretRefusal;
  /** A defect of ours: the caller saw only the request id. */
  onUnexpected: (error: unknown, requestId: string) => void;
}

/** Every answer, and every problem, can be found again in the log. */
const identified: RequestHandler = (_request, response, next) => {
  const requestId = randomUUID();
  response.locals['requestId'] = requestId;
  response.set('X-Request-Id', requestId);
  next();
};

/** RFC 6797: a year, for answers over TLS only; whether a proxy before us has it, the proxy says. */
const strictTransport = helmet.strictTransportSecurity({ maxAge: 31_536_000, includeSubDomains: true });

/** What every app sends, whatever it serves. */
const protectiveHeaders: RequestHandler[] = [
  helmet({ contentSecurityPolicy: false, strictTransportSecurity: false }),
  (request, response, next) => {
    response.set('Content-Security-Policy', nothingRuns);
    if (request.secure) strictTransport(request, response, next);
    else next();
  },
];

/** Answers have personal data; what may be kept all the same says so itself. */
const notKept: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};

function bareApp(trustProxy: AppDependencies['trustProxy']): Express {
  const app = express();
  app.disable('etag');
  app.disable('x-powered-by');
  app.set('trust proxy', trustProxy ?? false);
  app.use(identified);
  return app;
}

export function createApp(dependencies: AppDependencies): Express {
  const app = bareApp(dependencies.trustProxy);
  app.use(dependencies.metrics.requests());
  dependencies.metrics.counters('handoff_limit_refusals_total', 'Requests that were refused because of a limit.', 'limit', () =>
    dependencies.limits.refusals(),
  );
  dependencies.metrics.counters('handoff_mail_reports_total', 'Bounces and complaints, by what they led to.', 'outcome', () => ({
    ...dependencies.mailEvents.intake.counts(),
  }));
  app.use((request, response, next) => {
    const since = performance.now();
    const path = loggedPath(request.path);
    response.on('close', () => {
      const [{ method }, requestId] = [request, response.locals['requestId'] as string];
      const milliseconds = Math.round(performance.now() - since);
      const keyId = knownCaller(response)?.keyId;
      dependencies.onAnswer({ requestId, method, path, status: response.statusCode, milliseconds, ...(keyId !== undefined && { keyId }) });
    });
    next();
  });
  app.use(protectiveHeaders);
  app.use(wellFormed);
  app.use(health(dependencies.checks, dependencies.facts));
  app.use(metricsPage(dependencies.metrics));
  app.use(docs());

  const waiting = createWaiting(dependencies);
  const refuseSecrets = refusingSecrets(dependencies.refuseSecrets ?? 'off');
  const v1 = Router();
  v1.use(notKept);
  const { corsOrigins = [], codecOrigins = [] } = dependencies;
  v1.use('/codec', allowOrigins([...corsOrigins, ...codecOrigins], { headers: ['X-Namespace'] }));
  v1.use(allowOrigins(corsOrigins));
  v1.use(limitKeyless(dependencies));
  v1.use('/uploads/tus', tusCapabilities(dependencies));
  v1.use(signedContent(dependencies));
  v1.use(unsubscribe(dependencies));
  v1.use(mailEvents(dependencies));
  v1.get('/jobs/:id/events', tokenInQuery);
  v1.use(authenticate(dependencies));
  v1.use(limitRequests(dependencies));
  v1.use(auditing(dependencies));
  const submitReceived = createSubmitting({ ...dependencies, refuseSecrets });
  v1.use(submissions({ ...dependencies, waiting, submitReceived }));
  v1.use(rawUploads({ ...dependencies, waiting, submitReceived }));
  v1.use(tusUploads({ ...dependencies, submitReceived, refuseSecrets }));
  v1.use(presignedUploads({ ...dependencies, waiting, submitReceived, refuseSecrets }));
  v1.use(jobLists(dependencies));
  v1.use(jobs({ ...dependencies, waiting, refuseSecrets }));
  v1.use(events(dependencies));
  v1.use(jobActions({ ...dependencies, refuseSecrets }));
  v1.use(explaining(dependencies));
  v1.use(jobTokens(dependencies));
  v1.use(bulkActions({ ...dependencies, refuseSecrets }));
  v1.use(emailBatches(dependencies));
  v1.use(files(dependencies));
  v1.use(apiKeys(dependencies));
  v1.use(codec(dependencies));
  v1.use(auditLog(dependencies));
  v1.use(limits(dependencies));
  v1.use(mailProviders(dependencies));
  v1.use(emailTemplates({ ...dependencies, refuseSecrets }));
  v1.use(templatePreview(dependencies));
  v1.use(dataSources(dependencies));
  v1.use(reportPreviews({ ...dependencies, refuseSecrets }));
  v1.use(reportDefinitions({ ...dependencies, refuseSecrets }));
  v1.use(uploadPresets({ ...dependencies, refuseSecrets }));
  v1.use(suppressions(dependencies));
  v1.use(bounces(dependencies));
  app.use('/v1', v1);
  if (dependencies.devCodec) app.use(devCodec(dependencies.devCodec, dependencies));
  if (dependencies.caughtMail) app.use(devMail(dependencies.caughtMail));
  if (dependencies.tryUploads) app.use(devUpload());

  app.use(unknownPath);
  app.use(problemHandler(dependencies.onUnexpected));
  return app;
}

/** For a process that serves no API: only whether it lives and works, and the metrics of the process. */
export function createHealthApp(checks: ReadinessChecks, metrics: Metrics = createMetrics(), facts: ReadinessFacts = {}): Express {
  const app = bareApp(undefined);
  app.use(protectiveHeaders);
  app.use(wellFormed);
  app.use(health(checks, facts));
  app.use(metricsPage(metrics));
  app.use(unknownPath);
  app.use(problemHandler(() => undefined));
  return app;
}
