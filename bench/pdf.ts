import { setTimeout } from 'node:timers/promises';

import type { Finding, Settings } from './finding.ts';
import { startPeer } from './peer.ts';
import { pdfFinding } from './pdf-finding.ts';
import type { PdfAnswer, PdfRequest } from './peers/pdf-drawing.ts';
import { onStage } from './stage.ts';

const pingEveryMs = 5;

/** A PDF file of 20,000 rows, drawn in a thread, against bare pdfmake; and whether the process answers meanwhile. */
export async function pdf({ rounds, quick, say }: Settings): Promise<Finding> {
  const rows = quick ? 2_000 : 20_000;
  return onStage(say, async (stage) => {
    const start = () => startPeer<PdfRequest, PdfAnswer>(stage, new URL('./peers/pdf-drawing.ts', import.meta.url));
    const [ours, bare] = [start(), start()];
    const { port } = await ours.ask({ kind: 'port' });
    const measured = { product: [] as PdfAnswer[], bare: [] as PdfAnswer[], pings: [] as number[], idle: [] as number[] };
    await pinging(`http://127.0.0.1:${String(port)}/livez`, setTimeout(quick ? 1_000 : 5_000), measured.idle);
    // Round 0 warms up.
    for (let round = 0; round <= rounds; round++) {
      const product = async () => {
        const pings: number[] = [];
        const drawn = ours.ask({ kind: 'product', rows });
        await pinging(`http://127.0.0.1:${String(port)}/livez`, drawn, pings);
        if (round > 0) {
          measured.product.push(await drawn);
          measured.pings.push(...pings);
        }
      };
      const plain = async () => {
        const drawn = await bare.ask({ kind: 'bare', rows });
        if (round > 0) measured.bare.push(drawn);
      };
      for (const side of round % 2 === 0 ? [product, plain] : [plain, product]) await side();
      const last = (answers: PdfAnswer[]) => answers.at(-1)?.seconds.toFixed(1) ?? '';
      if (round > 0) say(`pdf: round ${String(round)} of ${String(rounds)}: ${last(measured.product)} s, bare ${last(measured.bare)} s`);
    }
    return pdfFinding(measured, rows);
  });
}

/** Asks again and again until the work is done; notes how long each answer took, in milliseconds. */
async function pinging(url: string, work: Promise<unknown>, took: number[]): Promise<void> {
  const state = { done: false };
  const end = () => (state.done = true);
  const ended = work.then(end, end);
  while (!state.done) {
    const start = performance.now();
    await (await fetch(url)).text();
    took.push(performance.now() - start);
    await setTimeout(pingEveryMs);
  }
  await ended;
}
