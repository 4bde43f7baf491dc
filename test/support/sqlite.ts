import { createRequire } from 'node:module';

interface Library {
  Database: new (path: string) => { exec(sql: string): void; close(): void };
}

/** A file of SQLite, made by the library that reads it. */
export function makeSqlite(path: string, sql: string): void {
  const { Database } = createRequire(import.meta.url)('node-sqlite3-wasm') as Library;
  const database = new Database(path);
  database.exec(sql);
  database.close();
}
