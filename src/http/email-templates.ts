import type { Router } from 'express';

import type { TemplateEngine, TemplateStore } from '../jobs/email-templates.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { templateRequest } from './template-requests.ts';
import { validated } from './validation.ts';
import { versionRoutes } from './versions.ts';

export interface TemplateDependencies {
  templates: TemplateStore;
  templateEngine: TemplateEngine;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
}

export const templateNoun = 'e-mail template';

/** The e-mail templates of the caller's own tenant, and their versions. */
export function emailTemplates({ templates, templateEngine, tenantKeys, refuseSecrets }: TemplateDependencies): Router {
  return versionRoutes({
    path: '/email-templates',
    noun: templateNoun,
    actions: { put: 'email_template.put', delete: 'email_template.delete' },
    store: templates,
    tenantKeys,
    async put({ body, ...asked }, entry) {
      const source = validated(templateRequest, body);
      refuseSecrets(body);
      return templates.put({ ...asked, source, parts: await templateEngine.compile(source) }, entry);
    },
    contentOf: ({ source: { subject, mjml = null, html = null, text = null, schema, sample } }) => ({
      ...{ subject, mjml, html, text, schema, sample },
    }),
  });
}
