import { expect } from '@jest/globals';
import fc from 'fast-check';

/** The whole language that a query of ours may be in. It has no way to escape a quote: whatever ends a literal is a fault. */
const tokens = /'[A-Za-z0-9_.:-]+'|>=|<|!=|=|[(),]|[A-Za-z]+|(?<space> +)|(?<other>.)/gsu;
const fields = ['HandoffTenant', 'HandoffState', 'HandoffLabels', 'WorkflowType', 'ExecutionStatus', 'StartTime'];

interface Clause {
  field: string;
  operator: string;
  values: string[];
}
type Node = Clause | { any: Node[][] };

/** `A AND B AND (C AND D OR E)`: the clauses of the outermost AND. @throws for anything else. */
export function parse(query: string): Node[] {
  const rest = [...query.matchAll(tokens)].flatMap(([text, , other]) => {
    if (other !== undefined) throw new Error(`Unexpected ${other}`);
    return text.trim() === '' ? [] : [text];
  });
  const take = (...wanted: string[]): string => {
    const token = rest.shift();
    if (token === undefined || (wanted.length > 0 && !wanted.includes(token))) throw new Error(`Unexpected ${String(token)}`);
    return token;
  };
  const next = () => rest[0];
  const literal = (): string => {
    const token = take();
    if (!token.startsWith("'")) throw new Error(`Unexpected ${token}`);
    return token.slice(1, -1);
  };
  const clause = (): Clause => {
    const [field, operator] = [take(...fields), take('=', '!=', '>=', '<', 'IN', 'IS')];
    if (operator === 'IS') return { field, operator, values: [take('NULL')] };
    if (operator !== 'IN') return { field, operator, values: [literal()] };
    take('(');
    const values = [literal()];
    while (next() === ',') values.push((take(), literal()));
    take(')');
    return { field, operator, values };
  };
  const all = (): Node[] => {
    const nodes = [one()];
    while (next() === 'AND') nodes.push((take(), one()));
    return nodes;
  };
  const one = (): Node => {
    if (next() !== '(') return clause();
    take('(');
    const any = [all()];
    while (next() === 'OR') any.push((take(), all()));
    take(')');
    return { any };
  };
  const parsed = all();
  if (rest.length > 0) throw new Error(`Unexpected ${rest.join(' ')}`);
  return parsed;
}

const clausesOf = (nodes: Node[]): Clause[] => nodes.flatMap((node) => ('any' in node ? node.any.flatMap(clausesOf) : [node]));

/** Whatever stands in it, it is for the jobs of this tenant. */
export function expectOnlyThisTenant(query: string, tenant: string): void {
  const outermost = parse(query);
  expect(outermost[0]).toEqual({ field: 'HandoffTenant', operator: '=', values: [tenant] });
  expect(clausesOf(outermost).filter(({ field }) => field === 'HandoffTenant')).toHaveLength(1);
  expect(outermost[1]).toMatchObject({ field: 'WorkflowType', operator: 'IN' });
}

/** Words of the query language, and what ends literals somewhere. */
export const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom("'", '"', '\\', '`', '(', ')', ' ', '=', '%', '\n', ';', '-', 'a', 'OR', 'AND'), maxLength: 20 }),
  fc.constantFrom("a' OR HandoffTenant = 'other", "' OR ''='", "a\\' OR 1=1 --", "a') OR (ExecutionStatus = 'Running", 'a" OR "a"="a'),
);
