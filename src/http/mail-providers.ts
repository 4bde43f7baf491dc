import { Router } from 'express';

import type { MailProviders } from '../jobs/mail-providers.ts';
import { route } from './routes.ts';

export interface MailProviderDependencies {
  mailProviders: MailProviders;
}

/** They belong to the installation, not to a tenant: they can be looked at here, and are changed by commands only. */
export function mailProviders({ mailProviders: providers }: MailProviderDependencies): Router {
  const router = Router();
  route(router, '/mail-providers', {
    get: [
      'admin',
      async (_request, response) => {
        const items = await providers.list();
        response
          .set('Cache-Control', 'no-store')
          .json({ items: items.map(({ name, kind, circuit, rates }) => ({ name, kind, circuit, ...rates })) });
      },
    ],
  });
  return router;
}
