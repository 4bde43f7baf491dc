import type { SimplePlugin } from '@temporalio/plugin';
import type { Kysely } from 'kysely';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { type Config, ConfigError } from './config.ts';
import { createDataKeys, type DataKeyStore } from './database/data-keys.ts';
import type { Database } from './database/schema.ts';
import { open, seal } from './encryption/aes-gcm.ts';
import { createMasterKeys } from './encryption/master-keys.ts';
import type { KeyWrapper } from './jobs/data-keys.ts';
import { tagOf } from './jobs/ids.ts';
import { isMaintenance } from './jobs/maintenance.ts';
import { type CodecServer, createCodecServer } from './temporal/codec-server.ts';
import { createPayloadCodec } from './temporal/payload-codec.ts';
import { createProtection } from './temporal/protection.ts';

export interface Protection {
  /** For every client, worker and replay of Temporal. */
  plugin: SimplePlugin;
  /** Not there with HANDOFF_ENCRYPTION=off and no keys; so is the next. */
  dataKeys: DataKeyStore | undefined;
  codecServer: CodecServer | undefined;
}

const howToMakeOne = 'Make one with `openssl rand -base64 32`, keep a copy apart from the database: without it nothing can be read again.';

/** @throws ConfigError without a secret: nothing is stored in clear unless somebody has said so. */
async function keyWrapper({ keys, keyModule }: Config['encryption']): Promise<KeyWrapper> {
  if (keys !== undefined && keyModule !== undefined)
    throw new ConfigError('HANDOFF_ENCRYPTION_KEYS and HANDOFF_ENCRYPTION_KEY_MODULE are both set.');
  if (keys !== undefined) return createMasterKeys(keys);
  if (keyModule === undefined)
    throw new ConfigError(
      `HANDOFF_ENCRYPTION_KEYS is not set: the key that protects what jobs hold. ${howToMakeOne} (HANDOFF_ENCRYPTION=off stores everything in clear.)`,
    );
  try {
    const loaded = (await import(pathToFileURL(resolve(keyModule)).href)) as { createKeyWrapper?: () => Promise<KeyWrapper> };
    if (loaded.createKeyWrapper === undefined) throw new Error('It exports no createKeyWrapper');
    return await loaded.createKeyWrapper();
  } catch (error) {
    throw new ConfigError(`HANDOFF_ENCRYPTION_KEY_MODULE can not be used (${error instanceof Error ? error.name : 'unknown error'}).`);
  }
}

/** The keys of payloads. @throws ConfigError when some in the database can't be read with the master keys that are configured. */
async function openDataKeys(db: Kysely<Database>, config: Config): Promise<DataKeyStore> {
  const wrapper = await keyWrapper(config.encryption);
  const dataKeys = createDataKeys(db, wrapper);
  const missing = (await dataKeys.masterKeysInUse()).filter((id) => !wrapper.knows(id));
  if (missing.length > 0)
    throw new ConfigError(
      `The database holds keys made with another master key (${missing.join(', ')}). Add it to HANDOFF_ENCRYPTION_KEYS, behind the newest.`,
    );
  return dataKeys;
}

export async function openProtection(db: Kysely<Database>, config: Config): Promise<Protection> {
  const { enabled, keys, keyModule } = config.encryption;
  if (!enabled && keys === undefined && keyModule === undefined)
    return { plugin: createProtection(undefined), dataKeys: undefined, codecServer: undefined };
  const dataKeys = await openDataKeys(db, config);
  const cipher = { open, seal };
  return {
    plugin: createProtection(
      createPayloadCodec({ keys: dataKeys, cipher, tagOf, isOpen: isMaintenance, namespace: config.temporal.namespace, writes: enabled }),
    ),
    dataKeys,
    codecServer: createCodecServer({ keys: dataKeys, cipher }),
  };
}
