import { invalid } from '../../errors.ts';
import type { PartialUpload } from '../../jobs/partial-uploads.ts';
import { plainName } from '../file-name.ts';
import { parseRequest } from '../multipart.ts';

/** What an upload says of itself, in `Upload-Metadata`. Names that are not known are left alone: clients send more. */
export interface UploadMetadata {
  name: string;
  declaredType: string | undefined;
  /** As the part `request` of a multipart body. */
  request: unknown;
  /** Lower-case hex, of all bytes. */
  sha256: string | undefined;
}

/** @throws AppError `malformed_json`, `invalid_request`. */
export function metadataOf({ filename, filetype, request, sha256 }: PartialUpload['metadata']): UploadMetadata {
  if (sha256 && !/^[0-9a-f]{64}$/i.test(sha256)) throw invalid('#header:Upload-Metadata', 'sha256 is not one in hex');
  return {
    name: plainName(filename ?? undefined),
    declaredType: filetype ?? undefined,
    request: request ? parseRequest(request) : {},
    sha256: sha256?.toLowerCase() || undefined,
  };
}
