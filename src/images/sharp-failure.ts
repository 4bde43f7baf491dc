import { AppError } from '../errors.ts';

/** libvips tells causes apart by words alone. */
export function imageFailure(cause: unknown, maxPixels: number): unknown {
  const message = String((cause as Partial<Error> | undefined)?.message);
  if (message.includes('exceeds pixel limit')) {
    return new AppError('image_too_large', `The picture has more than ${String(maxPixels)} pixels.`, { cause });
  }
  if (message.includes('timeout:')) {
    return new AppError('timed_out', 'Decoding and encoding the picture took too long.', { retryable: true, cause });
  }
  // Lack of memory is our trouble, not the picture's.
  if (message.includes('out of memory')) return cause;
  return new AppError('image_unreadable', `The picture can't be decoded: ${firstLine(message)}.`, { cause });
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace('Input buffer has corrupt header: ', '').replace(/\.$/, '');
}
