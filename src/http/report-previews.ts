import { type Request, type Response, Router } from 'express';
import { z } from 'zod';

import type { JobClient } from '../jobs/client.ts';
import type { Submission } from '../jobs/definition.ts';
import type { TemplateVersions } from '../jobs/email-templates.ts';
import type { FileStore } from '../jobs/files.ts';
import { newJobId } from '../jobs/ids.ts';
import type { Limits } from '../jobs/limits.ts';
import type { ReadQuery } from '../jobs/query-check.ts';
import { previewOf, reportCall, type ReportCall } from '../jobs/report-call.ts';
import type { DefinitionStore } from '../jobs/report-definitions.ts';
import { callerOf, tenantOf } from './authentication.ts';
import { declaredJson, declaredJsonIfAny, parsedJson } from './json-body.ts';
import { definitionNoun } from './report-definitions.ts';
import { route } from './routes.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { validated } from './validation.ts';
import { versionOf } from './versions.ts';

export interface ReportPreviewDependencies {
  jobs: JobClient;
  files: FileStore;
  limits: Limits;
  templateVersions: TemplateVersions;
  definitions: DefinitionStore;
  readQuery: ReadQuery;
  /** How long a preview may take. */
  previewSeconds: number;
  refuseSecrets: RefuseSecrets;
}

/** Body of `POST /v1/report-definitions/{name}/preview`. */
export const definitionPreview = z
  .strictObject({
    version: reportCall.shape.version,
    parameters: reportCall.shape.parameters,
    source: reportCall.shape.source.meta({ description: 'Default: as the definition says.' }),
  })
  .meta({ id: 'ReportDefinitionPreviewRequest', examples: [{ parameters: { since: '2026-01-01' } }] });

/** What a report needs and a preview does not. */
const stand = { title: 'Preview', outputs: [{ format: 'parquet' }] };

function asked(body: unknown): ReportCall {
  const isWhole = typeof body === 'object' && body !== null && !('definition' in body);
  return validated(reportCall, isWhole ? { ...stand, ...body } : body);
}

/** The first rows of a report. Workers make them; nothing of them is kept. */
export function reportPreviews(dependencies: ReportPreviewDependencies): Router {
  const { jobs, limits, templateVersions: templates, definitions, readQuery, previewSeconds, refuseSecrets } = dependencies;

  async function sendPreview(call: ReportCall, response: Response): Promise<void> {
    const tenant = tenantOf(response);
    const gone = new AbortController();
    response.once('close', () => {
      gone.abort();
    });
    jobs.assertReachable();
    limits.assertAccepting();
    const stored = forAWhile(limits.files(tenant, dependencies.files), response);
    const submission: Submission = {
      ...{ tenant, jobId: newJobId('preview', tenant), createdAt: new Date().toISOString() },
      ...{ files: stored.files, templates, definitions, readQuery },
    };
    try {
      const preview = await jobs.previews.preview(await previewOf(call, submission), { seconds: previewSeconds, signal: gone.signal });
      response.json(preview);
    } catch (error) {
      // Nobody is there to be told.
      if (!gone.signal.aborted) throw error;
    } finally {
      await stored.remove();
    }
  }

  const router = Router();
  route(router, '/reports/preview', {
    post: [
      'submit',
      declaredJson,
      parsedJson,
      async (request: Request, response: Response) => {
        const call = asked(request.body);
        refuseSecrets(request.body);
        await sendPreview(call, response);
      },
    ],
  });
  route(router, '/report-definitions/:name/preview', {
    post: [
      'submit',
      declaredJsonIfAny,
      parsedJson,
      async (request: Request, response: Response) => {
        const { version, ...changes } = validated(definitionPreview, request.body ?? {});
        refuseSecrets(request.body ?? {});
        const found = await versionOf({ store: definitions, noun: definitionNoun }, request, response, version);
        await sendPreview({ definition: found.name, version: found.version, ...changes }, response);
      },
    ],
  });
  return router;
}

/** Takes what is stored through it away again: rows that are too many for a payload. */
function forAWhile(files: FileStore, response: Response): { files: FileStore; remove: () => Promise<void> } {
  const ids: string[] = [];
  const { tenant, keyId } = callerOf(response);
  const entry = { tenant, actor: keyId, action: 'file.delete', outcome: 'accepted', reason: null, details: { preview: true } } as const;
  return {
    files: {
      ...files,
      async stage(...given) {
        const staged = await files.stage(...given);
        return {
          ...staged,
          async commit(file) {
            ids.push(file.id);
            return staged.commit(file);
          },
        };
      },
    },
    async remove() {
      const requestId = response.locals['requestId'] as string;
      for (const id of ids) await files.remove(tenant, id, { ...entry, target: id, address: null, requestId }).catch(() => false);
    },
  };
}
