import { expect, test } from '@jest/globals';

import { openApiDocument } from '../../../src/http/openapi.ts';
import { testApi } from '../../support/api.ts';
import { type OpenApi, operationsOf, routesOf } from '../../support/openapi.ts';

const api = testApi();
const document = openApiDocument() as OpenApi;
const operations = operationsOf(document);

/** Part of the page at /docs, and nothing that a client would ask for. */
const undescribed = ['get /docs/start.js'];

test('every route that is mounted is described, and every route that is described is mounted', () => {
  const mounted = routesOf(api.app).filter((route) => !undescribed.includes(route));
  expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(mounted.sort());
});

test('the document that is served is the one that the client is made from', async () => {
  const response = await api.anonymous().get('/openapi.json');
  expect(response.body).toEqual(JSON.parse(JSON.stringify(document)));
  expect(response.body).toMatchObject({ openapi: '3.1.0' });
});
