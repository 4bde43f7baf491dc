import { PassThrough } from 'node:stream';

import { ZipFile } from 'yazl';

/** The same in every run and time zone: yazl writes the local time, and without `forceDosTimestamp` the UTC time, too. */
const metadata = { mtime: new Date(1980, 0, 1), forceDosTimestamp: true };

/** A zip archive that is written only as fast as its bytes are taken: every generator must be run to its end. */
export interface ZipWriter {
  /** A small entry, whole. */
  add(path: string, content: string): void;
  /** Begins an entry for `write`, and ends the one before. */
  begin(path: string): void;
  write(text: string): AsyncGenerator<Uint8Array>;
  end(): void;
  finish(): AsyncGenerator<Uint8Array>;
  /** Releases what an unfinished archive holds. Harmless after `finish`. */
  abandon(): void;
}

export function zipWriter(): ZipWriter {
  const zip = new ZipFile();
  const output = zip.outputStream;
  let ended = false;
  let entry = new PassThrough();
  let wake = (): void => undefined;
  const onChange = () => {
    wake();
  };
  output.on('readable', onChange).on('end', () => {
    ended = true;
    wake();
  });

  async function* taken(enough: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      for (let chunk = output.read() as Buffer | null; chunk !== null; chunk = output.read() as Buffer | null) yield chunk;
      if (enough()) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  return {
    add: (path, content) => {
      zip.addBuffer(Buffer.from(content), path, metadata);
    },
    begin: (path) => {
      entry.end();
      entry = new PassThrough().on('drain', onChange);
      zip.addReadStream(entry, path, metadata);
    },
    write: (text) => {
      entry.write(text);
      return taken(() => !entry.writableNeedDrain);
    },
    end: () => {
      entry.end();
    },
    finish: () => {
      zip.end();
      return taken(() => ended);
    },
    // yazl has no abort. Ended and drained, its compressor closes by itself; destroyed, it would stay half written.
    abandon: () => {
      entry.end();
      output.removeAllListeners('readable').resume();
    },
  };
}
