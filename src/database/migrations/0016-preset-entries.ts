import { createHash } from 'node:crypto';
import { type Kysely, type Migration, sql } from 'kysely';

/** What other tables of versions have. Here rather than in SQL: PostgreSQL does not read every JSON text that JavaScript writes. */
export const presetEntries: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('upload_presets').addColumn('description', 'text').addColumn('digest', 'text').execute();
    const presets = await sql<{ source: string }>`select distinct source from upload_presets`.execute(db);
    for (const { source } of presets.rows) {
      const digest = createHash('sha256').update(source).digest('hex');
      const { description = null } = JSON.parse(source) as { description?: string };
      await sql`update upload_presets set description = ${description}, digest = ${digest} where source = ${source}`.execute(db);
    }
    await db.schema
      .alterTable('upload_presets')
      .alterColumn('digest', (column) => column.setNotNull())
      .execute();
  },
};
