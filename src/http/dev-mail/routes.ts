import { type Request, type RequestHandler, type Response, Router } from 'express';

import { ownOnly } from '../own-only.ts';
import { openRoute } from '../routes.ts';
import type { CaughtMail, CaughtMessage } from './caught-mail.ts';
import { frameDocument, framePolicy } from './frame.ts';
import { liveScript } from './live.ts';
import { listPage, pageSize } from './list-page.ts';
import { messagePage, missingPage, preferredView, views } from './message-page.ts';
import { pagePolicy } from './page.ts';
import { style } from './style.ts';

const queried = (request: Request, name: string): string => {
  const value = request.query[name];
  return typeof value === 'string' ? value.slice(0, 200).trim() : '';
};

function sendPage(response: Response, page: string): void {
  response.type('html').send(page);
}

function sendMissing(response: Response): void {
  sendPage(response.status(404), missingPage());
}

/** Bytes as they are, for the disk and not for the browser. */
function sendDownload(response: Response, name: string, bytes: Uint8Array): void {
  // Controls, and what is no character: no header can have them.
  response.attachment(name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '_').slice(-150)).set({
    'Content-Type': 'application/octet-stream',
    'Content-Security-Policy': `sandbox; default-src 'none'`,
  });
  response.send(Buffer.from(bytes));
}

/** `/dev/mail`: what the mail catcher of `npm start` has kept, for a person on the same machine to look at. */
export function devMail(mail: CaughtMail): Router {
  const router = Router();
  const withMessage =
    (act: (message: CaughtMessage, request: Request, response: Response) => Promise<void> | void): RequestHandler =>
    async (request, response) => {
      const message = await mail.get(String(request.params['id']));
      if (message === undefined) sendMissing(response);
      else await act(message, request, response);
    };
  const backToList: RequestHandler = (_request, response) => {
    response.redirect(303, '/dev/mail');
  };

  router.use('/dev/mail', ownOnly(pagePolicy));
  openRoute(router, '/dev/mail/style.css', { get: [(_request, response) => void response.type('css').send(style)] });
  openRoute(router, '/dev/mail/live.js', { get: [(_request, response) => void response.type('js').send(liveScript)] });
  openRoute(router, '/dev/mail/delete', { post: [async (_request, _response, next) => mail.removeAll().then(next), backToList] });
  openRoute(router, '/dev/mail', {
    get: [
      async (request, response) => {
        const search = queried(request, 'q');
        const number = Math.min(Math.max(Math.trunc(Number(queried(request, 'page'))) || 1, 1), 1_000_000);
        const found = await mail.list({ search, offset: (number - 1) * pageSize, limit: pageSize });
        sendPage(response, listPage({ ...found, search, number }));
      },
    ],
  });
  openRoute(router, '/dev/mail/:id', {
    get: [
      withMessage(async (message, request, response) => {
        const view = views.find((name) => name === request.query['view']) ?? preferredView(message);
        const source = view === 'source' ? await mail.source(message.id) : undefined;
        sendPage(response, messagePage(message, view, source ?? Buffer.alloc(0)));
      }),
    ],
  });
  openRoute(router, '/dev/mail/:id/frame', {
    get: [
      withMessage(({ html = '', attachments }, _request, response) => {
        response.set('Content-Security-Policy', framePolicy);
        sendPage(response, frameDocument(html, attachments));
      }),
    ],
  });
  openRoute(router, '/dev/mail/:id/source', {
    get: [
      async (request, response) => {
        const id = String(request.params['id']);
        const source = await mail.source(id);
        if (source === undefined) sendMissing(response);
        else sendDownload(response, `${id}.eml`, source);
      },
    ],
  });
  openRoute(router, '/dev/mail/:id/attachments/:number', {
    get: [
      withMessage(({ attachments }, request, response) => {
        const number = String(request.params['number']);
        const attachment = /^\d{1,6}$/.test(number) ? attachments[Number(number)] : undefined;
        if (attachment === undefined) sendMissing(response);
        else sendDownload(response, attachment.name, attachment.content);
      }),
    ],
  });
  openRoute(router, '/dev/mail/:id/delete', {
    post: [async (request, _response, next) => mail.remove(String(request.params['id'])).then(next), backToList],
  });
  return router;
}
