import { type Kysely, sql } from 'kysely';

import type { EmailCounter } from '../limits/email-budget.ts';
import type { LeaseSource } from '../limits/request-budgets.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

const emailsPerDay = 'emailsPerDay';

/** Of the window that is asked for; one that has begun elsewhere, where a clock is ahead, goes on. */
const used = sql`(case when known.window < excluded.window then 0 else known.used end)`;

/** The part of what is left that one lease may take: it shrinks with it, so that little lies unused at one process at the end. */
const granted = (want: number, limit: number, usedBefore: ReturnType<typeof sql>) =>
  sql`greatest(0, least(${want}::int8, ceil((${limit}::int8 - ${usedBefore}) / 8.0)))::int8`;

/** Budgets that all processes share: one statement for a lease, and the row's lock lets one go after the other. */
export function createDatabaseLeases(db: Kysely<Database>): LeaseSource {
  return {
    lease: ({ name, subject, window, limit, want }) =>
      reachable(async () => {
        const first = granted(want, limit, sql`0`);
        const more = granted(want, limit, used);
        const { rows } = await sql<{ granted: string; used: string }>`
          insert into limit_windows as known (name, subject, "window", used, granted)
          values (${name}, ${subject}, ${window}, ${first}, ${first})
          on conflict (name, subject) do update set
            "window" = greatest(known.window, excluded.window), used = ${used} + ${more}, granted = ${more}
          returning granted, used`.execute(db);
        return { granted: Number(rows[0]?.granted ?? 0), used: Number(rows[0]?.used ?? 0) };
      }),
  };
}

export function createEmailCounter(db: Kysely<Database>): EmailCounter {
  return {
    add: (tenant, day, count, limit) =>
      reachable(async () => {
        if (count > limit) return false;
        const { rows } = await sql`
          insert into limit_windows as known (name, subject, "window", used)
          values (${emailsPerDay}, ${tenant}, ${day}, ${count})
          on conflict (name, subject) do update set
            "window" = greatest(known.window, excluded.window), used = ${used} + excluded.used
          where ${used} + excluded.used <= ${limit}::int8
          returning used`.execute(db);
        return rows.length > 0;
      }),

    takeBack: (tenant, day, count) =>
      reachable(async () => {
        await sql`
          update limit_windows set used = greatest(0, used - ${count}::int8)
          where name = ${emailsPerDay} and subject = ${tenant} and "window" = ${day}`.execute(db);
      }),

    used: (tenant, day) =>
      reachable(async () => {
        const row = await db
          .selectFrom('limitWindows')
          .select('used')
          .where('name', '=', emailsPerDay)
          .where('subject', '=', tenant)
          .where('window', '>=', String(day))
          .executeTakeFirst();
        return Number(row?.used ?? 0);
      }),
  };
}
