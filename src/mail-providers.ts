import type { MailLane } from '../activities/mail-lane.ts';
import type { Config } from './config.ts';
import { type MailProviderSettings, smtpProvider } from './config-mail.ts';
import type { Scope } from './lifecycle.ts';
import type { Log } from './log.ts';
import { messageBytes } from './mail/message-bytes.ts';
import { createMailProvider } from './mail/providers/index.ts';
import { createRouting, type Routing } from './mail/routing.ts';
import { createGuardedFetch } from './outbound/guarded-fetch.ts';

/** Of the API and of commands, which may know no more than that there is mail: names and kinds, without secrets. */
export function namedProviders(config: Config): readonly Pick<MailProviderSettings, 'name' | 'kind'>[] {
  return config.mail.providers ?? [smtpProvider('')];
}

/** What the Task Queues of the lanes end in: the first provider's lane is the group's own Task Queue. */
export function furtherLanes(providers: readonly Pick<MailProviderSettings, 'name'>[]): string[] {
  return providers.slice(1).map(({ name }) => name);
}

export function routingOf(providers: readonly Pick<MailProviderSettings, 'name'>[]): Routing {
  return createRouting(providers.map(({ name }) => name));
}

/** One lane a provider, in their order. @throws AppError `mail_configuration` for an unusable URL. */
export function openLanes(
  scope: Scope,
  { config, providers, routing, log }: { config: Config; providers: readonly MailProviderSettings[]; routing: Routing; log: Log },
): MailLane[] {
  const { connections, dkim } = config.mail;
  const fetch = createGuardedFetch({ allow: config.outboundAllow });
  const dryRun = (facts: Record<string, unknown>) => {
    log.info(facts, 'A message was not sent: dry run');
  };
  return providers.map((provider) => {
    const sender = createMailProvider({ ...provider, connections, dkim, fetch, compose: messageBytes, log: dryRun });
    return routing.lane(
      provider.name,
      scope.closing(sender, (open) => open.close()),
    );
  });
}
