import readExif from 'exif-reader';

import type { CameraFacts } from '../jobs/upload.ts';

const longestName = 60;

/** Chosen one by one: of what a camera writes, no place, no serial number and no name of a person goes on. */
export function cameraFacts(exif: Buffer | undefined): CameraFacts | undefined {
  if (exif === undefined) return undefined;
  const { Image, Photo } = readable(exif);
  const facts = {
    make: name(Image?.Make),
    model: name(Image?.Model),
    exposureSeconds: positive(Photo?.ExposureTime),
    aperture: positive(Photo?.FNumber),
    iso: positive(Photo?.ISOSpeedRatings),
    focalLengthMm: positive(Photo?.FocalLength),
    takenAt: moment(Photo?.DateTimeOriginal),
  };
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

/** What can't be read tells nothing. */
function readable(exif: Buffer): ReturnType<typeof readExif> {
  try {
    return readExif(exif);
  } catch {
    return { bigEndian: false };
  }
}

function name(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.replace(/[^\x20-\x7e]/g, '').trim();
  return text === '' ? undefined : text.slice(0, longestName);
}

function positive(value: unknown): number | undefined {
  const one: unknown = Array.isArray(value) ? value[0] : value;
  return typeof one === 'number' && Number.isFinite(one) && one > 0 ? Number(one.toPrecision(6)) : undefined;
}

/** By the camera's clock, whose time zone nobody knows. */
function moment(value: unknown): string | undefined {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString().slice(0, 19) : undefined;
}
