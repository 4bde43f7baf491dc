import { cellText, isMoment } from './cell-text.ts';
import type { PlottedChart } from './chart-points.ts';

/** Apart in brightness, too: they can be told from one another in grey. Darkest first and lightest second, as most charts have one or two. */
const chartColours = ['#1f3d68', '#e9a23b', '#2a8c82', '#b9c6d6', '#8f2d3f', '#7fb069', '#5b4a8a', '#d9bfa0'];
const lineStyles = ['solid', 'dashed', 'dotted'] as const;
const symbols = ['circle', 'rect', 'triangle', 'diamond'] as const;
const grey = '#555555';
const faint = '#dddddd';
/** More points are a line without marks. */
const mostMarks = 40;

type Axis = Record<string, unknown>;

/** What echarts draws. */
export function chartOptions(plotted: PlottedChart, font: string, locale?: string): Record<string, unknown> {
  const { chart, y } = plotted;
  const titled = chart.title !== undefined;
  const legend = chart.type !== 'pie' && y.length > 1;
  const top = (titled ? 34 : 12) + (legend ? 24 : 0);
  return {
    animation: false,
    useUTC: true,
    color: chartColours,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: font },
    ...(titled && {
      title: { text: chart.title, left: 'center', top: 4, textStyle: { fontSize: 14, fontWeight: 'bold', color: '#222222' } },
    }),
    ...(legend && { legend: { top: titled ? 28 : 4, textStyle: { fontSize: 11, color: '#222222' }, itemWidth: 22 } }),
    ...(chart.type === 'pie' ? pie(plotted, top, locale) : axes(plotted, top, locale)),
  };
}

function pie({ x, y: [values], points }: PlottedChart, top: number, locale?: string) {
  const [name, value] = [cellText(x, locale), values === undefined ? String : cellText(values, locale)];
  const total = points.reduce((sum, point) => sum + (point.y[0] ?? 0), 0);
  const data = points.map((point) => {
    const size = point.y[0] ?? 0;
    const share = `${((size / total) * 100).toFixed(1)} %`;
    return { value: size, name: name(point.x), label: { formatter: () => `${name(point.x)}\n${value(size)} (${share})` } };
  });
  const label = { fontSize: 10, color: '#222222', lineHeight: 13 };
  return {
    series: [
      {
        type: 'pie',
        top,
        bottom: 8,
        radius: ['0%', '74%'],
        data,
        label,
        itemStyle: { borderColor: '#ffffff', borderWidth: 1.5 },
        startAngle: 90,
      },
    ],
  };
}

function axes(plotted: PlottedChart, top: number, locale?: string) {
  const { chart, x, y, points } = plotted;
  const [first] = y;
  const text = first === undefined ? String : cellText(first, locale);
  const label = { fontSize: 10, color: grey };
  const only = y.length === 1 ? first : undefined;
  const positions = positionsOf(plotted, locale);
  const vertical: Axis = {
    type: 'value',
    axisLabel: { ...label, formatter: (value: number) => text(rounded(value)) },
    splitLine: { lineStyle: { color: faint } },
    ...(only && { name: only.title, nameTextStyle: { ...label, align: 'left', padding: [0, 0, 0, -30] } }),
  };
  const horizontal: Axis = {
    ...positions.axis,
    name: x.title,
    nameLocation: 'middle',
    nameTextStyle: label,
    nameGap: positions.depth,
    axisLine: { lineStyle: { color: grey } },
    axisTick: { alignWithLabel: true },
  };
  const kind = chart.type === 'area' ? 'line' : chart.type;
  const series = y.map((column, index) => ({
    type: kind,
    name: column.title,
    data: points.map((point, at) => [positions.of(point.x, at), point.y[index] ?? null]),
    ...(chart.stacked === true && { stack: 'all' }),
    ...(kind === 'bar' && { barMaxWidth: 48 }),
    ...(chart.type === 'area' && { areaStyle: { opacity: chart.stacked === true ? 0.75 : 0.3 } }),
    ...(kind === 'line' && {
      lineStyle: { width: 2, type: lineStyles[index % lineStyles.length] },
      showSymbol: points.length <= mostMarks,
    }),
    ...(kind !== 'bar' && { symbol: symbols[index % symbols.length], symbolSize: 6 }),
  }));
  return {
    grid: { left: 16, right: 24, top: top + (only ? 22 : 6), bottom: 30, containLabel: true },
    xAxis: horizontal,
    yAxis: vertical,
    series,
  };
}

interface Positions {
  axis: Axis;
  /** Of its labels. */
  depth: number;
  of: (cell: unknown, at: number) => number;
}

const oneLine = 24;

/** Where points stand: on an axis of numbers or time when all of them are such, else side by side. */
function positionsOf({ chart: { type }, x, points }: PlottedChart, locale?: string): Positions {
  const text = cellText(x, locale);
  const label = { fontSize: 10, color: grey, hideOverlap: true };
  // The outermost ones stand within the picture.
  const within = { ...label, alignMinLabel: 'left', alignMaxLabel: 'right' };
  const numbers = points.every((point) => typeof point.x === 'number');
  if (type !== 'bar' && numbers && points.length > 0)
    return {
      axis: {
        type: 'value',
        scale: true,
        axisLabel: { ...within, formatter: (value: number) => text(rounded(value)) },
        splitLine: { show: false },
      },
      depth: oneLine,
      of: (cell) => cell as number,
    };
  const times = isMoment(x) ? points.map((point) => Date.parse(utc(String(point.x)))) : [];
  if (type !== 'bar' && times.length > 0 && !times.some(Number.isNaN) && !sideBySide(times))
    return {
      axis: {
        type: 'time',
        axisLabel: { ...within, formatter: (time: number) => text(shownTime(time, x.kind)) },
        splitLine: { show: false },
      },
      depth: oneLine,
      of: (_, at) => times[at] ?? 0,
    };
  const names = points.map((point) => text(point.x));
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  const crowded = names.length * longest * letter > 560;
  return {
    depth: crowded ? oneLine + Math.min(longest, longestLabel) * letter * Math.sin((turned * Math.PI) / 180) : oneLine,
    axis: {
      type: 'category',
      data: names,
      axisLabel: {
        ...label,
        ...(crowded ? { rotate: turned, width: longestLabel * letter, overflow: 'truncate', ellipsis: '…' } : { interval: 0 }),
      },
    },
    of: (_, at) => at,
  };
}

/** Few and as good as evenly spaced, like months: each has its label. */
function sideBySide(times: number[]): boolean {
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return times.length <= 31 && Math.max(...gaps) <= 1.2 * Math.min(...gaps);
}

/** Of a letter of labels, in points. */
const letter = 5.5;
/** In letters: more end in an ellipsis. */
const longestLabel = 26;
/** Labels that lack room, in degrees. */
const turned = 40;

const utc = (text: string) => `${text.replace(' ', 'T').replace(/Z$/, '')}${text.includes(':') ? 'Z' : ''}`;

function shownTime(time: number, kind: string): string {
  const iso = new Date(time).toISOString();
  return kind === 'date' ? iso.slice(0, 10) : iso.slice(0, 19).replace('T', ' ');
}

/** Without what doubles add: 0.30000000000000004. */
const rounded = (value: number) => Number(value.toPrecision(12));
