import type { Request, Response } from 'express';
import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import { editOf } from '../jobs/edit.ts';
import type { TemplateVersions } from '../jobs/email-templates.ts';
import type { FileStore } from '../jobs/files.ts';
import { type Charge, type Limits, mayBeDone } from '../jobs/limits.ts';
import { changedOptions } from '../jobs/options.ts';
import { jobTypeOf } from '../jobs/registry.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import type { Prepared } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import type { Presenter } from './presentation.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { validated } from './validation.ts';

const editRequest = z.strictObject({
  options: changedOptions.optional(),
  request: z
    .unknown()
    .optional()
    .meta({ description: 'Replaces what was asked for: the body that the job type takes, without `options`.' }),
});

export interface EditDependencies {
  jobs: JobClient;
  files: FileStore;
  limits: Limits;
  /** In bytes. */
  maxMessageBytes: number;
  publicUrl?: string | undefined;
  templateVersions: TemplateVersions;
  tenantKeys: TenantKeys;
  presenter: Presenter;
  refuseSecrets: RefuseSecrets;
}

/** `PATCH /v1/jobs/{id}`: changes a job that waits for its start time. A worker takes the change, all of it or nothing. */
export function editing({
  jobs,
  files,
  limits,
  maxMessageBytes,
  publicUrl,
  templateVersions,
  tenantKeys,
  presenter,
  refuseSecrets,
}: EditDependencies): (request: Request, response: Response) => Prepared {
  return (request, response) => {
    const tenant = tenantOf(response);
    const { options = {}, request: asked } = validated(editRequest, request.body);
    if (asked === undefined && Object.keys(options).length === 0) throw invalid('', 'names nothing to change');
    refuseSecrets(request.body);
    const changes = [...Object.keys(options), ...(asked === undefined ? [] : ['request'])];
    let charge: Charge | undefined;
    const edit = () =>
      jobs.edit(tenant, String(request.params['id']), async (found) => {
        const type = jobTypeOf(found.type);
        if (type === undefined) throw new Error('A job without a type');
        const changed = asked === undefined ? undefined : { request: validated(type.request, asked, ['request']) };
        // Counted anew: nobody may ask for one recipient, and change it to fifty.
        const emails = changed && type.gather === undefined ? type.emails?.(changed.request) : undefined;
        charge = await limits.charge(tenant, { emails: emails && { ...emails, pointer: `/request${emails.pointer}` } });
        return editOf(
          { type, job: found, options, ...changed },
          {
            now: Date.now(),
            tenant,
            tenantKeys,
            files: limits.files(tenant, files),
            templates: templateVersions,
            maxMessageBytes,
            publicUrl,
          },
        );
      });
    return {
      details: { changes },
      act: async () => {
        const job = await edit().catch((error: unknown) => {
          charge?.settle(mayBeDone(error));
          throw error;
        });
        charge?.settle(job !== undefined);
        if (job === undefined) throw new AppError('not_found', 'There is no such job.');
        response.set('Cache-Control', 'no-store').json(await presenter.job(job, tenant));
      },
    };
  };
}
