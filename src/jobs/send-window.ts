import { z } from 'zod';

const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day like 09:00');

/** When messages may leave, by the clock of a place. */
export const sendWindow = z
  .strictObject({
    from: timeOfDay.meta({ examples: ['09:00'] }),
    until: timeOfDay.meta({ description: 'Before `from`: on the next day.', examples: ['18:00'] }),
    timeZone: z
      .string()
      .max(64)
      .refine(isTimeZone, 'is not a known IANA time zone')
      .meta({ examples: ['Europe/Berlin'] }),
    days: z.array(z.enum(weekdays)).min(1).max(7).optional().meta({ description: 'On which the window opens. Default: every day.' }),
  })
  .refine(({ from, until }) => from !== until, { path: ['until'], error: 'is the same as from' })
  .meta({ id: 'SendWindow', description: 'Messages leave only within.' });

export type SendWindow = z.infer<typeof sendWindow>;
