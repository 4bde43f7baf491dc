import { normalisedAddress } from './recipient.ts';
import { installation, type TenantKeys } from './tenant-keys.ts';

/** Who no longer wants whose bulk mail. */
export interface Unsubscription {
  tenant: string;
  /** `read` gives it in its one spelling. */
  address: string;
}

/** Of `src/encryption`. */
export interface TokenCipher {
  seal: (key: Uint8Array, plain: Uint8Array, context: string, seed: Uint8Array) => Uint8Array;
  /** @throws when anything was changed. */
  open: (key: Uint8Array, sealed: Uint8Array, context: string) => Uint8Array;
}

/** Both throw AppError `database_unavailable`. */
export interface UnsubscribeTokens {
  /** The same for the same: a message that is sent again has the same bytes. */
  make(unsubscription: Unsubscription): Promise<string>;
  /** `undefined`: it is not one of ours. */
  read(token: string): Promise<Unsubscription | undefined>;
}

const context = 'unsubscribe 1';
/** A name of a tenant, an address, and what encryption adds. */
const longest = 800;

/**
 * Links in mail that was sent must work for years: the token holds all that is needed, encrypted by a key of the installation, so
 * that no address stands in a URL, and nobody can make one. It allows nothing but to unsubscribe.
 */
export function createUnsubscribeTokens(tenantKeys: TenantKeys, { seal, open }: TokenCipher): UnsubscribeTokens {
  const key = () => tenantKeys.mac(installation, 'unsubscribe', 'key');
  return {
    async make({ tenant, address }) {
      const plain = JSON.stringify([tenant, normalisedAddress(address)]);
      const seed = await tenantKeys.mac(installation, 'unsubscribe', `seed ${plain}`);
      return Buffer.from(seal(await key(), Buffer.from(plain), context, seed)).toString('base64url');
    },
    async read(token) {
      const bytes = Buffer.from(token, 'base64url');
      // Several texts in base64url stand for the same bytes: only ours is taken.
      if (token.length > longest || bytes.toString('base64url') !== token) return undefined;
      const opener = await key();
      try {
        const [tenant = '', address = ''] = JSON.parse(Buffer.from(open(opener, bytes, context)).toString()) as string[];
        return { tenant, address };
      } catch {
        return undefined;
      }
    },
  };
}
