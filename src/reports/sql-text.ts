/** A name within SQL. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Text within SQL, of our own: values of others are bound. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
