import { expect, test } from '@jest/globals';

import { previewTemplate } from '../../../src/templates/previewing.ts';

const now = new Date('2026-11-22T12:00:00Z');
const preview = (parts: { subject?: string; html?: string; text?: string }, variables: Record<string, unknown>, schema: object = {}) =>
  previewTemplate({ parts: { subject: 'x', html: null, text: null, ...parts }, schema: schema as Record<string, unknown>, variables, now });

test('a preview shows what would be sent, and nothing is wrong', () => {
  expect(preview({ subject: 'Hi {{ name }}', html: '<p>{{ name }}</p>', text: '{{ name }}' }, { name: '<Ada>' })).toEqual({
    ...{ subject: 'Hi <Ada>', html: '<p>&lt;Ada&gt;</p>', text: '<Ada>' },
    ...{ missing: [], unused: [], problems: [] },
  });
});

test('what is missing is named and left out, wherever it is; what may be missing is not named', () => {
  const html = '{{ a.b }}|{% for i in items %}{{ i.x }}{{ i.y }}{% endfor %}|{{ q | default: "d" }}|{% if r %}r{% endif %}|{{ s }}';
  const { html: shown, missing } = preview({ subject: '{{ t }}', html }, { a: {}, items: [{ x: 1 }, { x: 2 }] });
  expect([shown, missing]).toEqual(['|12|d||', ['t', 'a.b', 'i.y', 's']]);
});

test('what is given and read nowhere is named', () => {
  const parts = { subject: '{{ a }}', html: '{% for i in b %}{% assign c = i %}{{ c }}{% endfor %}{% if false %}{{ d }}{% endif %}' };
  expect(preview(parts, { a: 1, b: [], c: 2, d: 3, i: 4, e: 5 }).unused).toEqual(['c', 'i', 'e']);
});

test('what a submission would be refused for, and what would fail, is told', () => {
  const schema = { required: ['name'], properties: { age: { type: 'number' } } };
  const { problems, html } = preview(
    { subject: 'a{{ x }}', html: '{% for i in (1..100000000) %}{% endfor %}' },
    { age: 'x', x: '\n' },
    schema,
  );
  expect(html).toBeNull();
  expect(problems).toEqual([
    { pointer: '/variables', detail: 'name is missing' },
    { pointer: '/variables/age', detail: 'must be number' },
    { pointer: '/subject', detail: 'the result has line breaks or control characters' },
    { pointer: '/html', detail: expect.stringMatching(/^memory alloc limit exceeded/) },
  ]);
});
