/** One of many. */
export const recipientOf = (index: number): string => `customer-${String(index)}@example.com`;
