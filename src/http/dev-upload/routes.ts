import { Router } from 'express';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { ownOnly } from '../own-only.ts';
import { openRoute } from '../routes.ts';
import { pagePolicy, uploadPage } from './page.ts';
import { script } from './script.ts';
import { style } from './style.ts';

const client = join(dirname(createRequire(import.meta.url).resolve('tus-js-client/package.json')), 'dist');

/** `/dev/upload`: files are dropped, sent by tus, and what has become of them is seen; for a person on the same machine. */
export function devUpload(): Router {
  const router = Router();
  router.use('/dev/upload', ownOnly(pagePolicy));
  openRoute(router, '/dev/upload', { get: [(_request, response) => void response.type('html').send(uploadPage)] });
  openRoute(router, '/dev/upload/style.css', { get: [(_request, response) => void response.type('css').send(style)] });
  openRoute(router, '/dev/upload/page.js', { get: [(_request, response) => void response.type('js').send(script)] });
  openRoute(router, '/dev/upload/tus.js', {
    get: [
      (_request, response) => {
        response.sendFile('tus.min.js', { root: client });
      },
    ],
  });
  return router;
}
