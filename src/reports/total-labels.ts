/** What a total that is no sum says that it is. */
export const totalLabels = { average: 'Average', count: 'Count', min: 'Minimum', max: 'Maximum' } as const;
