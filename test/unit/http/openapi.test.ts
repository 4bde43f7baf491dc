import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { errorCodes } from '../../../src/errors.ts';
import { openApiDocument } from '../../../src/http/openapi.ts';
import { problems } from '../../../src/http/problem.ts';
import { emailRequest } from '../../../src/jobs/email.ts';
import { type OpenApi, operationsOf } from '../../support/openapi.ts';

const document = openApiDocument() as OpenApi;
const operations = operationsOf(document);

describe('the OpenAPI document', () => {
  test('gives every operation a name of its own in camelCase, a tag that is described, and a summary', () => {
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { operationId, tags, summary } of operations) {
      expect(operationId).toMatch(/^[a-z]+([A-Z][a-z]+)*$/);
      expect(document.tags.map(({ name }) => name)).toEqual(expect.arrayContaining(tags));
      expect(summary).not.toBe('');
    }
  });

  test.each(operations)(
    'has the problems of $method $path as problem details, each code under its own status',
    ({ security, responses }) => {
      const failures = Object.entries(responses).filter(([status]) => Number(status) >= 400);
      const expected = ['405', '500', ...(security.length > 0 ? ['401', '503'] : [])];
      expect(failures.map(([status]) => status)).toEqual(expect.arrayContaining(expected));
      for (const [status, { content = {} }] of failures) {
        expect(Object.keys(content)).toEqual(['application/problem+json']);
        const codes = Object.keys(content['application/problem+json']?.examples ?? {});
        expect(codes).not.toEqual([]);
        expect(codes.map((code) => problems[code as keyof typeof problems].status)).toEqual(codes.map(() => Number(status)));
      }
    },
  );

  test.each(operations)('says that every answer of $method $path has an X-Request-Id', ({ responses }) => {
    for (const { headers } of Object.values(responses)) expect(headers).toHaveProperty('X-Request-Id');
  });

  test('knows the codes that exist, and no others', () => {
    const { Problem } = document.components.schemas as { Problem: { properties: { code: { enum: string[] } } } };
    expect(Problem.properties.code.enum).toEqual([...errorCodes]);
    expect(errorCodes).toEqual(expect.arrayContaining(Object.keys(document.components.examples)));
  });
});

describe('the pattern of an e-mail address', () => {
  const { EmailRequest } = document.components.schemas as {
    EmailRequest: { properties: { to: { items: { anyOf: [{ pattern: string; maxLength: number }] } } } };
  };
  const [{ pattern, maxLength }] = EmailRequest.properties.to.items.anyOf;
  const taken = (to: string) => emailRequest.safeParse({ to: [to], subject: '', text: '' }).success;
  const described = (to: string) => to.length <= maxLength && new RegExp(pattern, 'u').test(to);

  test('takes what validation takes, and refuses what it refuses', () => {
    const local = fc.stringMatching(/^[a-zA-Z0-9._'+"\-@ ]{0,70}$/);
    const domain = fc.stringMatching(/^[a-zA-Z0-9.\-_[\]]{0,40}(\.[a-z]{0,4})?$/);
    const addresses = fc.oneof(
      fc.emailAddress(),
      fc.string(),
      fc.tuple(local, domain).map((parts) => parts.join('@')),
    );
    fc.assert(
      fc.property(addresses, (address) => {
        expect(described(address)).toBe(taken(address));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    'a@example.com',
    `${'x'.repeat(65)}@example.com`,
    'a..b@example.com',
    '.a@example.com',
    'a@b',
    '"a b"@example.com',
    'ä@example.com',
  ])('agrees with validation on %s', (address) => {
    expect(described(address)).toBe(taken(address));
  });
});
