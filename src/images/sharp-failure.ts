import { AppError } from '../errors.ts';

/** libvips tells causes apart by words alone. */
export function imageFailure(cause: unknown, maxPixels: number): unknown {
  if (cause instanceof AppError || isOfTheSystem(cause)) return cause;
  const message = String((cause as Partial<Error> | undefined)?.message);
  if (message.includes('exceeds pixel limit')) {
    return new AppError('image_too_large', `The picture has more than ${String(maxPixels)} pixels.`, { cause });
  }
  return new AppError('image_unreadable', `The picture can't be decoded: ${firstLine(message)}.`, { cause });
}

/** Of libvips, or of JavaScript. */
export function isLackOfMemory(cause: unknown): boolean {
  const message = String((cause as Partial<Error> | undefined)?.message);
  return /out of memory|insufficient memory|failed to allocate|allocation (error|failed)|cannot allocate/i.test(message);
}

function isOfTheSystem(cause: unknown): boolean {
  return typeof (cause as Partial<NodeJS.ErrnoException> | undefined)?.syscall === 'string';
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace('Input buffer has corrupt header: ', '').replace(/\.$/, '');
}
