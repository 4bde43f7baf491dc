/** Variables that delivery fills in, for each recipient. What they are while nothing is sent: */
export const reserved: Readonly<Record<string, unknown>> = { unsubscribeUrl: 'https://example.com/unsubscribe' };
