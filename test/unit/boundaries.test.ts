import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { plantTree } from '../support/planted-tree.ts';

/** What may be imported: the rules look at paths and packages only. */
const targets: Record<string, string> = {
  'workflows/index.ts': 'export type Workflow = string; export const workflow = 1;',
  'activities/index.ts': 'export type Activity = string; export const activity = 1;',
  'src/errors.ts': 'export type Code = string; export const code = 1;',
  'src/config.ts': 'export type Config = string; export const config = 1;',
  'src/logger.ts': 'export type Log = string; export const log = 1;',
  'src/jobs/job.ts': 'export type Job = string; export const job = 1;',
  'src/http/app.ts': 'export type App = string; export const app = 1;',
  'src/http/turn.ts': `import { round } from './round.ts'; export const turn = 1;`,
  'src/mail/smtp.ts': 'export type Smtp = string; export const smtp = 1;',
  'src/database/open.ts': 'export type Database = string; export const database = 1;',
  'client/problem.ts': 'export const problem = 1;',
  'scripts/tool.ts': 'export const tool = 1;',
};

/** Rule → imports that must break it, and it alone. */
const planted: Record<string, { in: string; line: string }[]> = {
  'workflows-run-alone': [
    { in: 'workflows/value.ts', line: `import { activity } from '../activities/index.ts';` },
    { in: 'workflows/mixed.ts', line: `import { activity, type Activity } from '../activities/index.ts';` },
    { in: 'workflows/dynamic.ts', line: `export const late = () => import('../activities/index.ts');` },
    { in: 'workflows/reexport.ts', line: `export { job } from '../src/jobs/job.ts';` },
    { in: 'workflows/core.ts', line: `import { readFile } from 'node:fs/promises';` },
    { in: 'workflows/zod.ts', line: `import { z } from 'zod';` },
    { in: 'workflows/client.ts', line: `import { Client } from '@temporalio/client';` },
    { in: 'workflows/errors.ts', line: `import { code } from '../src/errors.ts';` },
  ],
  'workflows-types-from': [
    { in: 'workflows/types-http.ts', line: `import type { App } from '../src/http/app.ts';` },
    { in: 'workflows/types-core.ts', line: `import type { Readable } from 'node:stream';` },
  ],
  'activities-own-their-ports': [
    { in: 'activities/express.ts', line: `import express from 'express';` },
    { in: 'activities/client.ts', line: `import { Client } from '@temporalio/client';` },
    { in: 'activities/adapter.ts', line: `import { smtp } from '../src/mail/smtp.ts';` },
    { in: 'activities/http.ts', line: `import { app } from '../src/http/app.ts';` },
    { in: 'activities/jobs.ts', line: `import { job } from '../src/jobs/job.ts';` },
    { in: 'activities/workflow.ts', line: `import { workflow } from '../workflows/index.ts';` },
    { in: 'activities/library.ts', line: `import sharp from 'sharp';` },
  ],
  'activities-reach-out-through-ports': [
    { in: 'activities/files.ts', line: `import { readFile } from 'node:fs/promises';` },
    { in: 'activities/sockets.ts', line: `import { connect } from 'node:net';` },
  ],
  'activities-types-from': [
    { in: 'activities/types-adapter.ts', line: `import type { Smtp } from '../src/mail/smtp.ts';` },
    { in: 'activities/types-client.ts', line: `import type { Client } from '@temporalio/client';` },
  ],
  'jobs-are-the-core': [
    { in: 'src/jobs/express.ts', line: `import express from 'express';` },
    { in: 'src/jobs/adapter.ts', line: `import { smtp } from '../mail/smtp.ts';` },
    { in: 'src/jobs/database.ts', line: `import pg from 'pg';` },
    { in: 'src/jobs/workflow.ts', line: `import { workflow } from '../../workflows/index.ts';` },
    { in: 'src/jobs/worker.ts', line: `import { Worker } from '@temporalio/worker';` },
  ],
  'jobs-types-from': [
    { in: 'src/jobs/types-express.ts', line: `import type { Request } from 'express';` },
    { in: 'src/jobs/types-adapter.ts', line: `import type { Database } from '../database/open.ts';` },
  ],
  'one-job-client': [{ in: 'src/jobs/second-client.ts', line: `import { Client } from '@temporalio/client';` }],
  'http-gets-its-adapters': [
    { in: 'src/http/adapter.ts', line: `import { smtp } from '../mail/smtp.ts';` },
    { in: 'src/http/types-adapter.ts', line: `import type { Database } from '../database/open.ts';` },
    { in: 'src/http/temporal.ts', line: `import { Client } from '@temporalio/client';` },
    { in: 'src/http/types-temporal.ts', line: `import type { Client } from '@temporalio/client';` },
    { in: 'src/http/workflow.ts', line: `import type { Workflow } from '../../workflows/index.ts';` },
    { in: 'src/http/activity.ts', line: `import { activity } from '../../activities/index.ts';` },
    { in: 'src/http/config.ts', line: `import { config } from '../config.ts';` },
    { in: 'src/http/database.ts', line: `import pg from 'pg';` },
  ],
  'outside-things-stand-alone': [
    { in: 'src/mail/other.ts', line: `import { database } from '../database/open.ts';` },
    { in: 'src/mail/jobs.ts', line: `import { job } from '../jobs/job.ts';` },
    { in: 'src/storage/activity.ts', line: `import { activity } from '../../activities/index.ts';` },
    { in: 'src/images/http.ts', line: `import { app } from '../http/app.ts';` },
    { in: 'src/reports/config.ts', line: `import { config } from '../config.ts';` },
    { in: 'src/temporal/workflow.ts', line: `import { workflow } from '../../workflows/index.ts';` },
  ],
  'outside-things-types-from': [
    { in: 'src/database/types-http.ts', line: `import type { App } from '../http/app.ts';` },
    { in: 'src/mail/types-config.ts', line: `import type { Config } from '../config.ts';` },
  ],
  'outside-things-know-no-http': [
    { in: 'src/storage/express.ts', line: `import express from 'express';` },
    { in: 'src/temporal/types-express.ts', line: `import type { Request } from 'express';` },
  ],
  'mail-uses-its-own-library': [{ in: 'src/mail/library.ts', line: `import pg from 'pg';` }],
  'storage-uses-its-own-library': [{ in: 'src/storage/library.ts', line: `import sharp from 'sharp';` }],
  'database-uses-its-own-library': [{ in: 'src/database/library.ts', line: `import nodemailer from 'nodemailer';` }],
  'datasources-uses-its-own-library': [{ in: 'src/datasources/library.ts', line: `import sharp from 'sharp';` }],
  'reports-uses-its-own-library': [{ in: 'src/reports/library.ts', line: `import pg from 'pg';` }],
  'images-uses-its-own-library': [{ in: 'src/images/library.ts', line: `import nodemailer from 'nodemailer';` }],
  'templates-uses-its-own-library': [{ in: 'src/templates/library.ts', line: `import nodemailer from 'nodemailer';` }],
  'encryption-uses-its-own-library': [{ in: 'src/encryption/library.ts', line: `import pg from 'pg';` }],
  'archives-uses-its-own-library': [{ in: 'src/archives/library.ts', line: `import pg from 'pg';` }],
  'scanning-uses-its-own-library': [{ in: 'src/scanning/library.ts', line: `import pg from 'pg';` }],
  'identity-uses-its-own-library': [{ in: 'src/identity/library.ts', line: `import pg from 'pg';` }],
  'outbound-uses-its-own-library': [{ in: 'src/outbound/library.ts', line: `import pg from 'pg';` }],
  'temporal-uses-its-own-library': [{ in: 'src/temporal/library.ts', line: `import pg from 'pg';` }],
  'outside-things-are-listed': [{ in: 'src/fax/library.ts', line: `import sharp from 'sharp';` }],
  'temporal-in-its-places': [
    { in: 'src/mail/temporal.ts', line: `import { Client } from '@temporalio/client';` },
    { in: 'src/storage/types-temporal.ts', line: `import type { Client } from '@temporalio/client';` },
    { in: 'src/metrics.ts', line: `import { Runtime } from '@temporalio/worker';` },
  ],
  'config-is-pure': [{ in: 'src/config.ts', line: `import { smtp } from './mail/smtp.ts';` }],
  'single-files-wire-nothing': [
    { in: 'src/single.ts', line: `import { smtp } from './mail/smtp.ts';` },
    { in: 'src/starter.ts', line: `import { api } from './api.ts';` },
  ],
  'errors-know-nothing': [{ in: 'src/errors.ts', line: `import { log } from './logger.ts';` }],
  'client-stands-alone': [
    { in: 'client/server.ts', line: `import { code } from '../src/errors.ts';` },
    { in: 'client/types-server.ts', line: `import type { Job } from '../src/jobs/job.ts';` },
    { in: 'client/core.ts', line: `import { readFile } from 'node:fs/promises';` },
    { in: 'client/library.ts', line: `import { z } from 'zod';` },
  ],
  'product-needs-no-tests': [
    { in: 'src/dev.ts', line: `import { tool } from '../scripts/tool.ts';` },
    { in: 'src/banner.ts', line: `import { problem } from '../client/problem.ts';` },
  ],
  'production-needs-no-dev-packages': [{ in: 'src/worker.ts', line: `import fc from 'fast-check';` }],
  resolvable: [
    { in: 'src/cli.ts', line: `import { nothing } from './nothing.ts';` },
    { in: 'src/cli.ts', line: `import { nobody } from 'no-such-package';` },
  ],
  // A cycle is reported once.
  'no-circular': [{ in: 'src/http/round.ts', line: `import { turn } from './turn.ts'; export const round = 1;` }],
};

/** Each world's allowed imports, as in the table of ADR 1. */
const control: Record<string, string[]> = {
  'workflows/allowed.ts': [
    `import { proxyActivities } from '@temporalio/workflow';`,
    `import { ApplicationFailure } from '@temporalio/common';`,
    `import type { Activity } from '../activities/index.ts';`,
    `import type { Job } from '../src/jobs/job.ts';`,
  ],
  'activities/allowed.ts': [
    `import { Context } from '@temporalio/activity';`,
    `import { ApplicationFailure } from '@temporalio/common';`,
    `import { createHash } from 'node:crypto';`,
    `import { code } from '../src/errors.ts';`,
    `import type { Job } from '../src/jobs/job.ts';`,
  ],
  'src/jobs/client.ts': [
    `import { Client } from '@temporalio/client';`,
    `import { z } from 'zod';`,
    `import { createHash } from 'node:crypto';`,
    `import { code } from '../errors.ts';`,
    `import type { Workflow } from '../../workflows/index.ts';`,
  ],
  'src/http/allowed.ts': [
    `import express, { type Request } from 'express';`,
    `import helmet from 'helmet';`,
    `import { z } from 'zod';`,
    `import { basename } from 'node:path';`,
    `import { job } from '../jobs/job.ts';`,
    `import { code } from '../errors.ts';`,
  ],
  'src/mail/allowed.ts': [
    `import nodemailer from 'nodemailer';`,
    `import { connect } from 'node:net';`,
    `import { smtp } from './smtp.ts';`,
    `import { code } from '../errors.ts';`,
    `import type { Job } from '../jobs/job.ts';`,
    `import type { Activity } from '../../activities/index.ts';`,
    `import type { Database } from '../database/open.ts';`,
  ],
  'src/temporal/allowed.ts': [`import { NativeConnection } from '@temporalio/worker';`, `import { code } from '../errors.ts';`],
  'src/api.ts': [
    `import { app } from './http/app.ts';`,
    `import { smtp } from './mail/smtp.ts';`,
    `import { config } from './config.ts';`,
    `import { Client } from '@temporalio/client';`,
    `import { activity } from '../activities/index.ts'; export const api = 1;`,
  ],
  'client/allowed.ts': [`import createFetchClient from 'openapi-fetch';`, `import { problem } from './problem.ts';`],
  // Types may go round: they are gone before anything is loaded.
  'src/jobs/type-round.ts': [`import type { Turn } from './type-turn.ts'; export type Round = Turn;`],
  'src/jobs/type-turn.ts': [`import type { Round } from './type-round.ts'; export type Turn = Round;`],
};

interface Violation {
  from: string;
  rule: { name: string };
}

function cruise(directory: string): Promise<Violation[]> {
  const program = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [
    program,
    'workflows',
    'activities',
    'src',
    'client',
    '--config',
    resolve('.dependency-cruiser.cjs'),
    '--output-type',
    'json',
  ];
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      args,
      { cwd: directory, env: { PATH: process.env['PATH'] }, maxBuffer: 2 ** 26 },
      (_error, stdout, stderr) => {
        try {
          done((JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations);
        } catch (cause) {
          fail(new Error(stderr, { cause }));
        }
      },
    );
  });
}

describe('who may import whom', () => {
  const plants = Object.entries(planted).flatMap(([rule, imports]) => imports.map((one) => ({ rule, ...one })));
  let tree: Awaited<ReturnType<typeof plantTree>>;
  let violations: Violation[];

  beforeAll(async () => {
    const files: Record<string, string> = { ...targets };
    const lines = [
      ...Object.entries(control).map(([path, all]) => [path, all.join('\n')] as const),
      ...plants.map((one) => [one.in, one.line] as const),
    ];
    for (const [path, line] of lines) files[path] = `${line}\n${files[path] ?? ''}`;
    tree = await plantTree(files);
    violations = await cruise(tree.directory);
  });
  afterAll(() => tree.remove());

  const rulesBrokenIn = (path: string) =>
    new Set(violations.filter((violation) => violation.from === path).map((violation) => violation.rule.name));

  test.each(plants)('$in: "$line" breaks $rule and no other rule', ({ in: path, rule }) => {
    expect([...rulesBrokenIn(path)]).toEqual([rule]);
  });

  test('two mistakes in one file are both found', () => {
    expect(violations.filter((violation) => violation.from === 'src/cli.ts')).toHaveLength(2);
  });

  test.each(Object.keys(control))('%s breaks no rule with what its folder may import', (path) => {
    expect([...rulesBrokenIn(path)]).toEqual([]);
  });

  test('every rule has a planted mistake, a reason and a hint', () => {
    const { forbidden } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
      forbidden: { name: string; severity: string; comment: string }[];
    };
    expect(forbidden.map((rule) => rule.name).sort()).toEqual(Object.keys(planted).sort());
    for (const rule of forbidden) {
      expect(rule.severity).toBe('error');
      expect(rule.comment.length).toBeGreaterThan(40);
    }
  });
});
