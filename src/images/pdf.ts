import type { ReadDocument } from './documents.ts';
import { runTool } from './tools.ts';

/** On its longer side, in pixels. */
const posterSide = 1_600;
const mostTextPages = 500;

/** With the tools of poppler: pages, the text, and the first page as a picture. */
export const readPdf: ReadDocument = async (directory, limits) => {
  const info = await runTool(directory, ['pdfinfo', 'source'], limits);
  if (info === 'missing') return { kind: 'pdf', problem: 'tool_missing' };
  const pages = info === 'failed' ? undefined : /^Pages:\s+(\d+)$/m.exec(info.output)?.[1];
  if (pages === undefined) return { kind: 'pdf', problem: 'unreadable' };
  const draw = ['pdftoppm', '-png', '-singlefile', '-f', '1', '-l', '1', '-scale-to', String(posterSide), 'source', 'poster'];
  const drawn = await runTool(directory, draw, limits);
  const read = await runTool(directory, ['pdftotext', '-enc', 'UTF-8', '-l', String(mostTextPages), 'source', 'text'], limits);
  return {
    ...{ kind: 'pdf', pages: Number(pages) },
    files: {
      ...(typeof drawn === 'object' && { poster: { path: 'poster.png', contentType: 'image/png' } }),
      ...(typeof read === 'object' && { text: { path: 'text', contentType: 'text/plain' } }),
    },
  };
};
