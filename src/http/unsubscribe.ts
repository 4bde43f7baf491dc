import express, { type Request, type Response, Router } from 'express';
import { createHash } from 'node:crypto';

import { AppError } from '../errors.ts';
import type { SuppressionList } from '../jobs/suppressions.ts';
import type { Unsubscription, UnsubscribeTokens } from '../jobs/unsubscribe-token.ts';
import { openRoute } from './routes.ts';

export interface UnsubscribeDependencies {
  suppressions: Pick<SuppressionList, 'unsubscribe'>;
  unsubscribeTokens: Pick<UnsubscribeTokens, 'read'>;
}

const style = `body{font:1.125rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.3rem;color:#fff;background:#1a4fa0}button:focus-visible{outline:3px solid #e08a00;outline-offset:2px}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}button{background:#2f6fd0}}`;

/** Nothing but this style and this form. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Nothing in it comes from a caller. */
function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>${title}</title><style>${style}</style></head>
<body><main><h1>${title}</h1>
${body}
</main></body>
</html>
`;
}

const question = page(
  'Unsubscribe',
  `<p>You will get no more newsletters and other mail of this kind from this sender. Messages about your own orders or account still come.</p>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button type="submit">Unsubscribe</button></form>`,
);
const done = page(
  'You are unsubscribed',
  '<p role="status">You will get no more mail of this kind from this sender. You can close this page.</p>',
);

/** RFC 8058, 3.2: mail services may send either form. */
const isOneClick = (body: unknown) =>
  typeof body === 'string' &&
  (/(?:^|&)List-Unsubscribe=One-Click(?:&|$)/i.test(body.trim()) ||
    /name="?List-Unsubscribe"?[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\nOne-Click\r?\n/i.test(body));

const forms = express.text({ type: ['application/x-www-form-urlencoded', 'multipart/form-data'], limit: 4_096 });

/** For whoever got the mail: needs no API key; mount it before authentication. */
export function unsubscribe({ suppressions, unsubscribeTokens }: UnsubscribeDependencies): Router {
  async function asked(request: Request): Promise<Unsubscription> {
    const found = await unsubscribeTokens.read(String(request.params['token']));
    if (found === undefined) throw noSuchLink();
    return found;
  }
  const show = (response: Response, html: string) => {
    response.set({ 'Content-Security-Policy': policy, 'X-Robots-Tag': 'noindex' }).type('html').send(html);
  };

  const router = Router();
  openRoute(router, '/unsubscribe/:token', {
    get: [
      // It changes nothing: programs that look at all links in a mail come here, too.
      async (request, response) => {
        await asked(request);
        show(response, question);
      },
    ],
    post: [
      forms,
      async (request, response) => {
        const { tenant, address } = await asked(request);
        if (!isOneClick(request.body)) throw new AppError('invalid_request', 'Send the form List-Unsubscribe=One-Click (RFC 8058).');
        if (!(await suppressions.unsubscribe(tenant, address))) throw noSuchLink();
        show(response, done);
      },
    ],
  });
  return router;
}

const noSuchLink = () => new AppError('not_found', 'This link is not one of ours, or its sender is gone.');
