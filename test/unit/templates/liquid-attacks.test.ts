import { describe, expect, test } from '@jest/globals';

import { parseParts, renderParts } from '../../../src/templates/parts.ts';

const now = new Date('2026-11-22T12:00:00Z');

function render(html: string, variables: Record<string, unknown> = {}): string | undefined {
  return renderParts(parseParts({ subject: 'x', html }), { variables, now }).html;
}

/** What comes of it: the HTML, or the message of the failure. */
function outcome(html: string, variables: Record<string, unknown> = {}): string | undefined {
  try {
    return render(html, variables);
  } catch (error) {
    expect(error).toMatchObject({ code: 'template_failed', retryable: false });
    return (error as Error).message;
  }
}

const tooMuch = expect.stringMatching(/^html: memory alloc limit exceeded/) as unknown;
const undefinedVariable = expect.stringMatching(/^html: undefined variable/) as unknown;

describe('a template that would never end, or fill the memory,', () => {
  const doubled = '{% for i in (1..60) %}{% assign a = a | $ %}{% endfor %}';
  test.each([
    ['counts to a hundred million', '{% for i in (1..100000000) %}x{% endfor %}'],
    ['has loops within loops', '{% for i in (1..3000) %}{% for j in (1..3000) %}{% endfor %}{% endfor %}'],
    ['writes long texts in a loop', `{% for i in (1..100000) %}${'x'.repeat(1_000)}{% endfor %}`],
    ['doubles a text', `{% assign a = "aaaaaaaa" %}${doubled.replace('$', 'append: a')}`],
    [
      'doubles what it captures',
      '{% capture x %}aaaaaaaa{% endcapture %}{% for i in (1..60) %}{% capture x %}{{ x }}{{ x }}{% endcapture %}{% endfor %}',
    ],
    ['doubles a text by replacing', `{% assign a = "aaaaaaaa" %}${doubled.replace('$', 'replace: "a", "aa"')}`],
    ['doubles a list', `{% assign a = "a,b" | split: "," %}${doubled.replace('$', 'concat: a')}`],
    ['puts lists into lists, each twice', `{% assign a = "a" | split: "," %}${doubled.replace('$', 'push: a')}{{ a }}`],
    [
      'groups lists of lists, each twice',
      `{% assign a = "a" | split: "," %}${doubled.replace('$', 'concat: a | group_by: "size" | map: "items"')}{{ a }}`,
    ],
    ['pads a date', '{{ "now" | date: "%1000000000N" }}'],
  ])('that %s is stopped', (_name, html) => {
    expect(outcome(html)).toEqual(tooMuch);
  });

  test('that looks for long texts in long texts is stopped', () => {
    const long =
      '{% assign a = "aaaaaaaa" %}{% for i in (1..10) %}{% assign a = a | append: a %}{% endfor %}{% assign b = "b" | append: a %}';
    for (const search of ['{% if a contains b %}{% endif %}', '{{ a | replace: b, "" }}', '{{ a | split: b }}', '{{ a | remove: b }}'])
      expect(outcome(long + search)).toMatch(/^html: a text to search for has at most 256 characters/);
  });

  test.each([60, 5_000])('that has %d tags within one another is refused', (depth) => {
    expect(outcome('{% if true %}'.repeat(depth) + '{% endif %}'.repeat(depth))).toBe('html: is nested too deep.');
  });

  test('that has a hundred thousand tags is refused', () => {
    expect(outcome('{{a}}'.repeat(100_000), { a: 1 })).toBe('html: has more than 10000 tags.');
  });

  test('costs the same on every machine: what is just within the limit is rendered', () => {
    expect(render('{% for i in (1..20000) %}{{ i }}{% endfor %}')?.length).toBeGreaterThan(80_000);
  });
});

describe('a template that reaches for what is no variable', () => {
  test.each(['constructor', '__proto__', 'a.constructor', 'a.__proto__', 'a["constructor"]', 'a.toString', 'list.map', 'a.b.c'])(
    'finds nothing: %s',
    (path) => {
      expect(outcome(`{{ ${path} }}`, { a: { b: {} }, list: [1], text: 'x' })).toEqual(undefinedVariable);
    },
  );

  test.each(['constructor', 'toString', '__defineGetter__', 'valueOf'])('finds no filter and no tag: %s', (name) => {
    expect(outcome(`{{ "x" | ${name} }}`)).toMatch(/undefined filter/);
    expect(outcome(`{% ${name} %}`)).toMatch(/tag ".*" not found/);
  });

  test('changes nothing but its own variables', () => {
    const html =
      '{% assign __proto__ = "x" %}{% assign constructor = "y" %}{% increment polluted %}{% capture __proto__ %}z{% endcapture %}{{ constructor }}';
    const variables = { a: {} };
    expect(render(html, variables)).toBe('0y');
    expect(variables).toEqual({ a: {} });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each([
    '{% include "/etc/passwd" %}',
    '{% render "/etc/passwd" %}',
    '{% layout "/etc/passwd" %}',
    '{% block a %}{% endblock %}',
    '{% include file %}',
  ])('opens no file: %s', (html) => {
    expect(outcome(html, { file: '/etc/passwd' })).toMatch(/tag ".*" not found/);
  });
});

describe('variables', () => {
  const hostile = `"><script>alert('1')</script>&`;

  test('are escaped in the HTML part, in texts and in attributes', () => {
    const html = render('<a title="{{ x }}" alt=\'{{ x }}\'>{{ x }}</a>{% for y in list %}{{ y }}{% endfor %}{% echo x %}', {
      x: hostile,
      list: [hostile],
    });
    expect(html).not.toMatch(/<script|alert\('/);
    expect(html?.match(/&#34;&gt;&lt;script&gt;alert\(&#39;1&#39;\)&lt;\/script&gt;&amp;/g)).toHaveLength(5);
  });

  test('are not escaped where the template says so, nor in subject and text', () => {
    expect(render('{{ x | raw }}', { x: '<b>' })).toBe('<b>');
    const { subject, text } = renderParts(parseParts({ subject: '{{ x }}', text: '{{ x }}' }), { variables: { x: 'A & <B>' }, now });
    expect([subject, text]).toEqual(['A & <B>', 'A & <B>']);
  });

  test.each(['\r\nBcc: eve@example.com', '\n', '\r', '\u2028', '\u2029', '\u0085', '\u0000', '\u000b'])(
    'that would break the subject into lines are refused: %j',
    (breaks) => {
      const parts = parseParts({ subject: 'Hello {{ name }}', text: 'Hi {{ name }}' });
      const attempt = () => renderParts(parts, { variables: { name: `Ada${breaks}` }, now });
      expect(attempt).toThrow(
        expect.objectContaining({ code: 'template_failed', message: expect.stringMatching(/^subject: .*line breaks/) }),
      );
    },
  );

  test('are never told when something is wrong', () => {
    const secret = 'ada@example.com';
    for (const html of ['{{ a[k] }}', '{{ o }}', '{{ k | base64_decode }}', '{{ k | url_decode }}', '{{ l | where_exp: "i", k }}'])
      expect(outcome(html, { a: {}, k: `${secret} %E0%A4%A`, o: { secret }, l: [1] })).not.toContain(secret);
  });

  test('that are missing make the message fail, unless the template asks for them', () => {
    expect(outcome('Hello {{ user.name }}', { user: {} })).toBe('html: undefined variable user.name (line 1, column 10).');
    expect(render('{{ name | default: "friend" }}{% if name %}x{% endif %}')).toBe('friend');
  });
});

describe('the time', () => {
  test('is what it is told, and so every attempt gives the same', () => {
    const html = '{{ "now" | date: "%Y-%m-%dT%H:%M" }} {{ "today" | date_to_xmlschema }} {{ "now" | date: "%H", "Asia/Tokyo" }}';
    expect(render(html)).toBe('2026-11-22T12:00 2026-11-22T12:00:00+00:00 21');
  });

  test('and chance are not there', () => {
    expect(outcome('{{ "abc" | sample }}')).toMatch(/undefined filter: sample/);
  });
});

test('parts that are not there are not made', () => {
  expect(renderParts(parseParts({ subject: 's', html: null, text: 't' }), { variables: {}, now })).toEqual({
    subject: 's',
    text: 't',
  });
});
