import { init, setPlatformAPI } from 'echarts';

import { chartOptions } from './chart-options.ts';
import type { PlottedChart } from './chart-points.ts';
import { escapeHtml } from './html-text.ts';
import { ownLines, runsBackwards } from './own-lines.ts';
import type { TypeSetter } from './type-setting.ts';

/** In points. */
export const chartSize = { width: 720, height: 290 };

/**
 * A chart as SVG for PDF, its text in fonts that have it.
 * @param number of the chart: names within the picture are its own, and the same each time
 */
export function chartSvg(plotted: PlottedChart, number: number, setter: TypeSetter): string {
  return withTexts(drawn(plotted, number, setter), (text) => inFonts(text, setter));
}

/** A chart as SVG for a page: it has a name for those who do not see it, and fonts and directions of text are left to the browser. */
export function pageChart(plotted: PlottedChart, number: number, setter: TypeSetter, locale: string): string {
  const { chart, x, y } = plotted;
  const name = chart.title ?? `${y.map(({ title }) => title).join(', ')} / ${x.title}`;
  const id = `chart${String(number)}-name`;
  return withTexts(drawn(plotted, number, setter, locale), escapeHtml)
    .replace('<svg ', `<svg role="img" aria-labelledby="${id}" `)
    .replace('>', () => `><title id="${id}">${escapeHtml(name)}</title>`);
}

function drawn(plotted: PlottedChart, number: number, setter: TypeSetter, locale?: string): string {
  setPlatformAPI({
    measureText: (text, style) => {
      const size = Number(/(\d+(?:\.\d+)?)px/.exec(style ?? '')?.[1] ?? 12);
      return { width: (setter.width(text, style?.includes('bold')) * size) / 1000 };
    },
  });
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...chartSize });
  try {
    chart.setOption(chartOptions(plotted, setter.font, locale));
    return (
      chart
        .renderToSVGString()
        // What happens below a pointer, which nothing is below.
        .replace(/<style[^]*?<\/style>/, '')
        // Only within tags: texts are the data's.
        .replaceAll(/<[^>]*>/g, (tag) =>
          tag.replaceAll(/ (class|ecmeta_\w+)="[^"]*"/g, '').replaceAll(/\bzr\d+-/g, `chart${String(number)}-`),
        )
    );
  } finally {
    chart.dispose();
  }
}

const plain = (text: string) =>
  text.replaceAll(/&(amp|lt|gt|quot|#0?39);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'");

function withTexts(svg: string, write: (text: string) => string): string {
  return svg.replaceAll(/(<text [^>]*>)([^<]*)<\/text>/g, (_, start: string, content: string) => `${start}${write(plain(content))}</text>`);
}

/** In pieces of one font, in the order of the page. */
function inFonts(said: string, setter: TypeSetter): string {
  const text = setter.shown(said);
  const pieces = runsBackwards(text) ? (ownLines(text, Infinity, setter.width)[0] ?? []) : [text];
  const runs = pieces.flatMap((piece) => setter.runs(piece));
  if (runs.length <= 1 && runs[0]?.font === setter.font) return escapeHtml(text);
  return runs.map((run) => `<tspan style="font-family:'${run.font}'">${escapeHtml(run.text)}</tspan>`).join('');
}
