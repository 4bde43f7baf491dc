import { describe, expect, test } from '@jest/globals';

import { boundText as boundWith } from '../../../src/datasources/named-parameters.ts';
import type { Cell } from '../../../src/jobs/report-sources.ts';
import { sqlPieces, type SqlDialect } from '../../../src/jobs/sql-parameters.ts';

const boundText = (sql: string, parameters: Record<string, Cell>, kind: SqlDialect) => boundWith(sql, parameters, kind, sqlPieces);
const kinds = ['postgresql', 'mysql', 'sqlite'] as const;

describe('named parameters', () => {
  test('are numbered or marked as the driver wants them, and never pasted', () => {
    const parameters = { a: "x'; drop table t", b: 2 };
    expect(boundText('select $a, $b, $a', parameters, 'postgresql')).toEqual({ text: 'select $1, $2, $1', values: [parameters.a, 2] });
    const marked = { text: 'select ?, ?, ?', values: [parameters.a, 2, parameters.a] };
    for (const kind of ['mysql', 'sqlite'] as const) expect(boundText('select $a, $b, $a', parameters, kind)).toEqual(marked);
  });

  test.each([`'$a'`, `"$a"`, `/* $a */`, `'it''s $a'`, `x$a`])('within %s are none', (text) => {
    for (const kind of kinds) expect(boundText(`select ${text}`, {}, kind)).toEqual({ text: `select ${text}`, values: [] });
  });

  test.each([`$$ $a $$`, `$x$ $a $$ $x$`, `E'\\' $a'`, `/* /* */ $a */`, `-- $a\n`])('within %s are none for PostgreSQL', (text) => {
    expect(() => boundText(text, { a: 1 }, 'postgresql')).toThrow('The query has no parameter $a.');
  });

  test.each(kinds)('must all be there, and all be used, for %s', (kind) => {
    expect(() => boundText('select $a', {}, kind)).toThrow('There is no value for the parameter $a of the query.');
    expect(() => boundText('select $toString', {}, kind)).toThrow('There is no value');
    expect(() => boundText('select 1', { a: 1 }, kind)).toThrow('The query has no parameter $a.');
  });
});
