import express, { Router } from 'express';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

import { openApiDocument } from './openapi.ts';
import { openRoute } from './routes.ts';

const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Handoff API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/docs/assets/swagger-ui.css" />
  </head>
  <body>
    <div id="ui"></div>
    <script src="/docs/assets/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui' });\n`;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  // Neither of these falls back to default-src (CSP level 3, 6.3 and 6.4).
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The OpenAPI document, and a page that shows it and works without the internet. */
export function docs(): Router {
  const router = Router();
  const document = openApiDocument();
  openRoute(router, '/openapi.json', { get: [(_request, response) => void response.json(document)] });
  router.use('/docs', (_request, response, next) => {
    response.set('Content-Security-Policy', policy);
    next();
  });
  openRoute(router, '/docs', { get: [(_request, response) => void response.type('html').send(page)] });
  openRoute(router, '/docs/start.js', { get: [(_request, response) => void response.type('js').send(start)] });
  router.use('/docs/assets', express.static(assets, { index: false, redirect: false }));
  return router;
}
