import express, { type Request, Router } from 'express';

import { AppError } from '../errors.ts';
import { type MailEvent, type MailEventIntake, mailEventProviders, type MailEventSources } from '../jobs/mail-events.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { openRoute, route } from './routes.ts';

export interface MailEventDependencies {
  mailEvents: {
    intake: MailEventIntake;
    sources: MailEventSources;
    /** What a report about a message says. @throws AppError `invalid_request`. */
    readReport: (message: Uint8Array) => Promise<MailEvent[]>;
  };
}

const maxEventBytes = 1024 * 1024;
const maxReportBytes = 10 * 1024 * 1024;

/** As it came: the signature is of its bytes. */
const anyBody = express.raw({ type: () => true, limit: maxEventBytes, inflate: false });
const report = express.raw({ type: 'message/rfc822', limit: maxReportBytes, inflate: false });
const bytesOf = ({ body }: Request): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));

/** For services through which mail is sent: they sign what they say, and have no API key. Mount it before authentication. */
export function mailEvents({ mailEvents: taken }: MailEventDependencies): Router {
  const router = Router();
  openRoute(router, '/mail-events/:provider', {
    post: [
      anyBody,
      async (request, response) => {
        const name = mailEventProviders.find((provider) => provider === request.params['provider']);
        const source = name && taken.sources[name];
        if (source === undefined) throw new AppError('not_found', 'Nothing is taken from such a service: it is not configured.');
        const headers = Object.entries(request.headers).flatMap(([key, value]) =>
          typeof value === 'string' ? [[key, value] as const] : [],
        );
        const events = await source.read(Object.fromEntries(headers), bytesOf(request));
        await taken.intake.take(events);
        // What it led to is not for the service to know.
        response.status(204).end();
      },
    ],
  });
  return router;
}

/** For whoever reads the mailbox that bounces come back to. */
export function bounces({ mailEvents: { intake, readReport } }: MailEventDependencies): Router {
  const router = Router();
  route(router, '/bounces', {
    post: auditedWithin('suppression.add', 'operate', [report], async (entry, request, response) => {
      if (request.is('message/rfc822') === false) throw new AppError('unsupported_media_type', 'Send Content-Type: message/rfc822.');
      const events = await readReport(bytesOf(request));
      response.json(await intake.take(events, { tenant: tenantOf(response), entry }));
    }),
  });
  return router;
}
