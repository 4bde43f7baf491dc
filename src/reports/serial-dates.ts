const dayMs = 86_400_000;
const dayMicroseconds = 86_400_000_000;
/** Day 0 of the 1900 date system, as it is from March 1900 on: before, it counts a 29 February 1900 that never was. */
const epoch = Date.UTC(1899, 11, 30);
const first = (Date.UTC(1900, 2, 1) - epoch) / dayMs;

const dateTime = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)Z?)?$/;
const timeOfDay = /^(\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)$/;

/** Of a spreadsheet, for a date with or without a time; undefined for all that it can't show rightly: before March 1900, and beyond the year 9999. */
export function serialOf(text: string): number | undefined {
  const found = dateTime.exec(text);
  if (found === null) return undefined;
  const [year, month, day, hours = '0', minutes = '0', seconds = '0'] = found.slice(1);
  // Date.UTC takes years below 100 for ones of the twentieth century.
  if (Number(year) < 1900) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const days = (date.getTime() - epoch) / dayMs;
  // A day that is none has become one of the next month.
  if (date.getUTCDate() !== Number(day) || days < first) return undefined;
  const fraction = fractionOf(hours, minutes, seconds);
  return fraction === undefined ? undefined : days + fraction;
}

/** As a part of a day; undefined from 24:00 on. */
export function serialOfTime(text: string): number | undefined {
  const found = timeOfDay.exec(text);
  return found === null ? undefined : fractionOf(found[1] ?? '', found[2] ?? '', found[3] ?? '');
}

function fractionOf(hours: string, minutes: string, seconds: string): number | undefined {
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  return h < 24 && m < 60 && s < 60 ? ((h * 60 + m) * 60_000_000 + Math.round(s * 1_000_000)) / dayMicroseconds : undefined;
}
