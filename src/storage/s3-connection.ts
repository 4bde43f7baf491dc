import type * as Sdk from '@aws-sdk/client-s3';

export interface S3Location {
  bucket: string;
  region: string;
  /** Default: that of Amazon. */
  endpoint: string | undefined;
  /** In addresses that are signed for others. Default: `endpoint`. */
  publicEndpoint: string | undefined;
  /** The bucket in the path, not in the name of the host. */
  pathStyle: boolean;
  /** Default: as the SDK finds them. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
}

/** A bucket, and the SDK to reach it with. */
export interface S3 {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
  /** For what is signed here and sent by others. */
  readonly signer: Sdk.S3Client;
  readonly bucket: string;
}

export interface S3Connection {
  /** Loads the SDK when it is needed first, which takes most of a second. */
  open(): Promise<S3>;
  close(): Promise<void>;
}

/** How long nothing may be heard of a request, in milliseconds; and how long its answer may take to begin, its own body included. */
const silenceMs = 60_000;
const answerMs = 120_000;
const connectMs = 5_000;
const attempts = 4;
/** Each download holds one for as long as its client takes. */
const sockets = 2_000;

function clientOf(
  sdk: typeof Sdk,
  { region, pathStyle, credentials }: S3Location,
  endpoint: string | undefined,
  checksums: 'own' | 'usual',
) {
  const whenRequired = { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' } as const;
  return new sdk.S3Client({
    region,
    forcePathStyle: pathStyle,
    maxAttempts: attempts,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials: { ...credentials } }),
    // Many servers do not understand the checksums that Amazon's does.
    ...(checksums === 'own' && whenRequired),
    requestHandler: {
      ...{ connectionTimeout: connectMs, socketTimeout: silenceMs, requestTimeout: answerMs, throwOnRequestTimeout: true },
      ...{ httpAgent: { maxSockets: sockets }, httpsAgent: { maxSockets: sockets } },
    },
  });
}

export function connectS3(location: S3Location): S3Connection {
  const { bucket, endpoint, publicEndpoint = endpoint } = location;
  let opening: Promise<S3> | undefined;
  async function load(): Promise<S3> {
    const sdk = await import('@aws-sdk/client-s3');
    return {
      ...{ sdk, bucket },
      client: clientOf(sdk, location, endpoint, endpoint === undefined ? 'usual' : 'own'),
      // A checksum of bytes that are not here yet would be one of nothing.
      signer: clientOf(sdk, location, publicEndpoint, 'own'),
    };
  }
  return {
    open: () => (opening ??= load()),
    async close() {
      const opened = await opening;
      opened?.client.destroy();
      opened?.signer.destroy();
    },
  };
}
