import type { AppDependencies } from '../../src/http/app.ts';
import type { BlobStore } from '../../src/storage/blobs.ts';
import type { HttpServerOptions } from '../../src/http/http-server.ts';
import type { createTemplateVersions } from '../../src/jobs/template-choice.ts';
import type { testLimits } from './limits.ts';

export interface TestApiOptions {
  maxUploadBytes?: number;
  maxMessageBytes?: number;
  uploadExpiryMs?: number;
  /** Whether there is a virus scanner. Default: no. */
  scanning?: boolean;
  streams?: AppDependencies['streams'];
  edges?: Pick<
    AppDependencies,
    'corsOrigins' | 'codecOrigins' | 'devCodec' | 'caughtMail' | 'tryUploads' | 'trustProxy' | 'refuseSecrets' | 'facts'
  >;
  server?: HttpServerOptions;
  /** Where bytes lie. Default: on the disk, in a directory of its own. */
  blobs?: (directory: string) => BlobStore;
  /** Asked before each test. */
  identities?: () => AppDependencies['identities'];
  /** Default: one that takes everything as it is. */
  templateEngine?: AppDependencies['templateEngine'];
  /** Default: takes everything as it is. */
  readQuery?: AppDependencies['readQuery'];
  /** Default: refuses nothing. */
  variableFaults?: Parameters<typeof createTemplateVersions>[1];
  /** Made anew for each test. */
  limits?: () => Parameters<typeof testLimits>[0];
}
