import { describe, expect, test } from '@jest/globals';

import type { TemplateSource } from '../../../src/jobs/email-templates.ts';
import { compileTemplate } from '../../../src/templates/compiling.ts';

const now = new Date('2026-11-22T12:00:00Z');
const sample = { name: 'Ada', items: ['one', 'two'], brand: '#123456', url: 'https://example.com/?a=1' };
const compile = (source: Partial<TemplateSource>) =>
  compileTemplate({ subject: 'Hello {{ name }}', schema: { type: 'object' }, sample, ...source }, now);

const inBody = (content: string) => `<mjml>\n<mj-body>\n${content}\n</mj-body>\n</mjml>`;
const inColumn = (content: string) => inBody(`<mj-section><mj-column>${content}</mj-column></mj-section>`);

const refusal = (errors: unknown[]) => expect.objectContaining({ code: 'template_invalid', errors }) as unknown;
const at = (pointer: string, detail: RegExp): unknown => ({ pointer, detail: expect.stringMatching(detail) });

describe('MJML', () => {
  test('becomes HTML in which all Liquid stands as it was written', async () => {
    const { html } = await compile({
      mjml: inBody(`{% for item in items %}
        <mj-section background-color="{{ brand }}"><mj-column>
          {% if item != "<none>" %}<mj-text>{{ item | default: "a > b" }} <a href="{{ url }}">x</a></mj-text>{% endif %}
          <mj-table>{% for x in items %}<tr><td>{{ x }}</td></tr>{% endfor %}</mj-table>
        </mj-column></mj-section>{% endfor %}`),
    });
    expect(html).toMatch(
      /<body[^]*\{% for item in items %\}[^]*\{% if item != "<none>" %\}[^]*\{% endif %\}[^]*\{% endfor %\}[^]*<\/body>/,
    );
    expect(html).toContain('{{ item | default: "a > b" }} <a href="{{ url }}">');
    expect(html).toContain('{% for x in items %}<tr><td>{{ x }}</td></tr>{% endfor %}');
    expect(html).toContain('background:{{ brand }}');
    expect(html).not.toMatch(/qlq|<!--\{%/);
  });

  test('that would lose Liquid is refused, and never sent without it', async () => {
    const text = inBody('{{ name }}<mj-section></mj-section>');
    await expect(compile({ mjml: text })).rejects.toEqual(refusal([at('/mjml', /^line 3: \{\{ name \}\} would be left out/)]));
    const width = inColumn('<mj-image src="a.png" width="{{ name }}" />');
    await expect(compile({ mjml: width })).rejects.toEqual(refusal([at('/mjml', /^line 3: .* would be left out/)]));
  });

  test.each([
    '<mj-include path="/etc/passwd" type="html" />',
    '<mj-include path="./package.json" />',
    '<MJ-INCLUDE path="file:///etc/passwd" type="css" />',
    '< mj-include path="/etc/passwd" />',
  ])('can not include a file: %s', async (include) => {
    await expect(compile({ mjml: inBody(include) })).rejects.toEqual(refusal([at('/mjml', /line 3: mj-include is not taken/)]));
  });

  test('that is not valid is refused with its lines', async () => {
    const mjml = inBody('<mj-foo />\n<mj-text bar="1">x</mj-text>');
    await expect(compile({ mjml })).rejects.toEqual(
      refusal([
        at('/mjml', /^line 4: mj-text cannot be used inside mj-body/),
        at('/mjml', /^line 3: Element mj-foo/),
        at('/mjml', /^line 4: .*bar/),
      ]),
    );
    await expect(compile({ mjml: 'Hello' })).rejects.toEqual(refusal([at('/mjml', /is no MJML/)]));
  });

  test('loads no fonts from others', async () => {
    expect((await compile({ mjml: inColumn('<mj-text>x</mj-text>') })).html).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });
});

describe('HTML', () => {
  test('without styles stays as it is, byte by byte', async () => {
    const html = '<P class=x>{{ name }} &nbsp;\r\n<br>{% if name > 1 %}<!-- x -->{% endif %}';
    expect((await compile({ html, sample: { name: 2 } })).html).toBe(html);
  });

  test('has its rules in attributes, but for media queries; Liquid stays', async () => {
    const html =
      '<style>td{color:{{ brand }}} @media (max-width:9px){td{color:red}}</style><table>{% for x in items %}<tr><td>{{ x }}</td></tr>{% endfor %}</table>';
    const { html: made } = await compile({ html });
    expect(made).toContain('{% for x in items %}<tr><td style="color: {{ brand }};">{{ x }}</td></tr>{% endfor %}');
    expect(made).toMatch(/@media \(max-width:9px\)/);
  });

  test('that names other places has nothing from there', async () => {
    const html =
      '<style>@import url(http://127.0.0.1:9/a.css); p{background:url(file:///etc/passwd)}</style><link rel="stylesheet" href="file:///etc/passwd"><p>x</p>';
    const { html: made } = await compile({ html });
    expect(made).not.toContain('root:');
    expect(made).toContain('<link rel="stylesheet" href="file:///etc/passwd">');
  });
});

describe('a template', () => {
  test('with Liquid that is not valid is refused with line and column, each part', async () => {
    const broken = { subject: 'a {{ name', text: 'b\n{% fi %}', html: 'c {{ name | nothing }}' };
    await expect(compile(broken)).rejects.toEqual(
      refusal([
        at('/subject', /line 1, column 3: .*not closed/),
        at('/html', /line 1, column 3: undefined filter/),
        at('/text', /line 2, column 1: tag/),
      ]),
    );
  });

  test('that its own sample can not fill is refused', async () => {
    await expect(compile({ text: 'x', subject: '{{ nmae }}' })).rejects.toEqual(
      refusal([at('/subject', /sample: undefined variable nmae/)]),
    );
    await expect(compile({ mjml: inColumn('<mj-text>{{ nmae }}</mj-text>') })).rejects.toEqual(
      refusal([at('/mjml', /undefined variable nmae/)]),
    );
    await expect(compile({ text: 'x', sample: { name: 'a\nb' } })).rejects.toEqual(refusal([at('/subject', /line breaks/)]));
  });

  test('whose sample its schema refuses is refused, and so is a schema that is none', async () => {
    const schema = { properties: { name: { type: 'number' } } };
    await expect(compile({ text: 'x', schema })).rejects.toEqual(refusal([at('/sample/name', /must be number/)]));
    await expect(compile({ text: 'x', schema: { pattern: 'x' } })).rejects.toEqual(refusal([at('/schema/pattern', /not taken/)]));
  });

  test('that is too large, or becomes it, is refused', async () => {
    await expect(compile({ text: 'x'.repeat(524_289) })).rejects.toEqual(refusal([at('/text', /more than 524288 bytes/)]));
    const mjml = inColumn('<mj-text>x</mj-text>'.repeat(5_000));
    await expect(compile({ mjml })).rejects.toEqual(refusal([at('/mjml', /becomes more than 1048576 bytes/)]));
  });
});
