import { afterAll, describe, expect, test } from '@jest/globals';

import type { TemplateSource } from '../../../src/jobs/email-templates.ts';
import { createWorkshop } from '../../../src/templates/workshop.ts';

const source: TemplateSource = { subject: 'Hello {{ name }}', text: 'Hi {{ name }}', schema: true, sample: { name: 'Ada' } };
/** Thousands of rules, each compared with hundreds of elements. */
const endless: TemplateSource = {
  ...source,
  html: `<style>${Array.from({ length: 8_000 }, (_, i) => `div div div div.a${String(i)}{color:red}`).join('')}</style>${'<div>'.repeat(1_500)}`,
};

describe('the workshop for templates', () => {
  const workshop = createWorkshop({ patienceMs: 1_000 });
  afterAll(() => workshop.close());

  test('compiles and previews in a thread of its own, with errors as they are', async () => {
    expect(await workshop.compile(source)).toEqual({ subject: source.subject, html: null, text: source.text });
    await expect(workshop.compile({ ...source, text: '{{ nmae }}' })).rejects.toMatchObject({
      code: 'template_invalid',
      errors: [{ pointer: '/text', detail: 'with the sample: undefined variable nmae (line 1, column 4)' }],
    });
    const parts = { subject: 'Hello {{ name }}', html: null, text: null };
    expect(await workshop.preview({ parts, schema: true, variables: { name: 'Ada' }, now: new Date() })).toMatchObject({
      subject: 'Hello Ada',
    });
  });

  test('ends what takes too long, while everything else goes on, and works on', async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 20);
    await expect(workshop.compile(endless)).rejects.toMatchObject({ code: 'template_invalid', message: expect.stringMatching(/too long/) });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
    expect(await workshop.compile(source)).toMatchObject({ text: source.text });
  });

  test('takes only so much at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 9 }, () => workshop.compile(source)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'overloaded', retryable: true } });
  });
});

test('a workshop that was never used closes', async () => {
  await expect(createWorkshop().close()).resolves.toBeUndefined();
});
