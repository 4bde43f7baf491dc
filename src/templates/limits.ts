/** Of one part of a template as it was sent, in bytes. */
export const maxSourceBytes = 512 * 1024;
/** Of the HTML that it becomes, in bytes. */
export const maxCompiledBytes = 1024 * 1024;
/** Of what a template is filled with, as JSON, in bytes. */
export const maxVariablesBytes = 256 * 1024;
/** Liquid's tags and outputs in one part. */
export const maxTags = 10_000;
/** Tags within one another. */
export const maxDepth = 50;

/**
 * What one part may cost while it is rendered: a character that is made or written, or an element of a list, costs one, a step
 * costs `stepCost`. Counted, and not measured: what is rendered on one machine is rendered on a slow one, too.
 */
export const maxCost = 4_000_000;
export const stepCost = 8;
/** Only where counting fails. In milliseconds. */
export const maxRenderMs = 30_000;
/** What is searched for: a longer text makes searching slow. In characters. */
export const maxNeedle = 256;

/** RFC 5322, 2.1.1. */
export const maxSubject = 998;
