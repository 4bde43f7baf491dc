import { type Finding, show, showSpread } from './finding.ts';
import type { PdfAnswer } from './peers/pdf-drawing.ts';
import { quantile, ratios, spread } from './statistics.ts';

const bar = { ratio: 1.2, p99: 100 };

export function pdfFinding(
  { product, bare, pings, idle }: { product: PdfAnswer[]; bare: PdfAnswer[]; pings: number[]; idle: number[] },
  rows: number,
): Finding {
  const seconds = (answers: PdfAnswer[]) => answers.map((answer) => answer.seconds);
  const ratio = ratios(seconds(product), seconds(bare));
  const p99 = quantile(pings, 0.99);
  return {
    title: 'PDF',
    method: `${show(rows)} rows × 5 columns with a total, as a PDF file. The product reads the rows, hands them to its thread, formats, measures and lays out, all of it counted. Bare pdfmake gets the finished definition of the same document, in a process of its own, and only lays it out and writes it.
Meanwhile the process that waits for the thread answers a request each 5 ms.`,
    verdicts: [
      { bar: `at most ${String(bar.ratio)} times the time of bare pdfmake`, figure: showSpread(ratio, 2), met: ratio.median <= bar.ratio },
      { bar: `p99 of an answer of the process below ${String(bar.p99)} ms`, figure: `${show(p99, 1)} ms`, met: p99 < bar.p99 },
    ],
    tables: [
      {
        heading: 'Time',
        columns: ['', 's', 'seconds of processors', 'MB'],
        rows: [
          ['product: from rows to the file', product],
          ['bare pdfmake: from the definition', bare],
        ].map(([name, answers]) => [
          name as string,
          showSpread(spread(seconds(answers as PdfAnswer[])), 2),
          showSpread(spread((answers as PdfAnswer[]).map(({ cpuSeconds }) => cpuSeconds)), 2),
          show(((answers as PdfAnswer[])[0]?.bytes ?? 0) / 1e6, 2),
        ]),
      },
      {
        heading: 'Answers in ms',
        columns: ['', 'answers', 'p50', 'p99', 'longest'],
        rows: [
          ['while it draws', pings],
          ['while it does nothing', idle],
        ].map(([name, took]) => {
          const values = took as number[];
          return [name as string, show(values.length), ...[0.5, 0.99, 1].map((q) => show(quantile(values, q), 1))];
        }),
      },
    ],
  };
}
