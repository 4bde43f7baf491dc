/** Fields of a header or a delivery status by name in lower case: the first of each name, unfolded. */
export type ReportFields = ReadonlyMap<string, readonly string[]>;

const mostLines = 2_000;

/** One block: it ends at an empty line. */
function fieldsOf(lines: readonly string[]): ReportFields {
  const fields = new Map<string, string[]>();
  let values: string[] | undefined;
  for (const line of lines) {
    const [, name, value = ''] = /^([!-9;-~]{1,100}):(.*)$/s.exec(line) ?? [];
    if (/^[ \t]/.test(line) && values !== undefined) values.push(`${values.pop() ?? ''} ${line.trim()}`);
    else if (name !== undefined) {
      values = fields.get(name.toLowerCase()) ?? [];
      values.push(value.trim());
      fields.set(name.toLowerCase(), values);
    } else values = undefined;
  }
  return fields;
}

/** Blocks of fields with empty lines between (RFC 3464, 2.1.1; a message's header is the first one of it). */
export function blocksOf(content: Uint8Array): ReportFields[] {
  const lines = Buffer.from(content).toString('utf8').split(/\r?\n/, mostLines);
  const blocks: string[][] = [[]];
  for (const line of lines)
    if (line.trim() === '') blocks.push([]);
    else blocks.at(-1)?.push(line);
  return blocks.filter((block) => block.length > 0).map(fieldsOf);
}

export const firstOf = (fields: ReportFields | undefined, name: string): string => fields?.get(name)?.[0] ?? '';
