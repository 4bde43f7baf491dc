import { init, setPlatformAPI } from 'echarts';

import { chartOptions } from './chart-options.ts';
import type { PlottedChart } from './chart-points.ts';
import { ownLines, runsBackwards } from './own-lines.ts';
import type { TypeSetter } from './type-setting.ts';

/** In points. */
export const chartSize = { width: 720, height: 290 };

/**
 * A chart as SVG, its text in fonts that have it.
 * @param number of the chart: names within the picture are its own, and the same each time
 */
export function chartSvg(plotted: PlottedChart, number: number, setter: TypeSetter): string {
  setPlatformAPI({
    measureText: (text, style) => {
      const size = Number(/(\d+(?:\.\d+)?)px/.exec(style ?? '')?.[1] ?? 12);
      return { width: (setter.width(text, style?.includes('bold')) * size) / 1000 };
    },
  });
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...chartSize });
  try {
    chart.setOption(chartOptions(plotted, setter.font));
    return withFonts(chart.renderToSVGString(), setter).replaceAll(/\bzr\d+-/g, `chart${String(number)}-`);
  } finally {
    chart.dispose();
  }
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? character);
const plain = (text: string) =>
  text.replaceAll(/&(amp|lt|gt|quot|#0?39);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'");

/** Each text in pieces of one font, in the order of the page. */
function withFonts(svg: string, setter: TypeSetter): string {
  return svg.replaceAll(/(<text [^>]*>)([^<]*)<\/text>/g, (_, start: string, content: string) => {
    const text = setter.shown(plain(content));
    const pieces = runsBackwards(text) ? (ownLines(text, Infinity, setter.width)[0] ?? []) : [text];
    const runs = pieces.flatMap((piece) => setter.runs(piece));
    const spans = runs.map((run) => `<tspan style="font-family:'${run.font}'">${escaped(run.text)}</tspan>`);
    return `${start}${runs.length <= 1 && runs[0]?.font === setter.font ? escaped(text) : spans.join('')}</text>`;
  });
}
