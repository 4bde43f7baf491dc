/** A history as JSON, or a part of one. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever Temporal wrote
type Json = any;

/** The same, in clear and without anything that users wrote. @throws for a payload that is no JSON. */
export function redacted<T extends Json>(value: T, field?: string): T;

/** Every payload in it. */
export function payloadsIn(value: Json): { metadata: Record<string, string>; data: string }[];
