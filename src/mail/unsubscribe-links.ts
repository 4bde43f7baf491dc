import type { UnsubscribeLinks } from '../../activities/mail-ports.ts';
import type { UnsubscribeTokens } from '../jobs/unsubscribe-token.ts';

export interface UnsubscribeLinkOptions {
  tokens: Pick<UnsubscribeTokens, 'make'>;
  /** HANDOFF_PUBLIC_URL, without a slash at its end; undefined: nobody could follow a link. */
  publicUrl: string | undefined;
}

/** RFC 8058, and RFC 2369 for those who know only that. */
export function createUnsubscribeLinks({ tokens, publicUrl }: UnsubscribeLinkOptions): UnsubscribeLinks {
  async function linkFor(tenant: string, address: string): Promise<string | undefined> {
    if (publicUrl === undefined) return undefined;
    return `${publicUrl}/v1/unsubscribe/${await tokens.make({ tenant, address })}`;
  }
  return {
    linkFor,
    async headersFor(tenant, address, category) {
      const link = category === 'bulk' ? await linkFor(tenant, address) : undefined;
      if (link === undefined) return [];
      return [
        ['List-Unsubscribe', `<${link}>`],
        ['List-Unsubscribe-Post', 'List-Unsubscribe=One-Click'],
      ];
    },
  };
}
