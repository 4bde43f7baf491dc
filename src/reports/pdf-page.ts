import type { Room } from './pdf-columns.ts';
import type { PdfOrder } from './pdf-order.ts';

type Page = PdfOrder['page'];

/** In points, in portrait. */
const sizes = { A4: [595.28, 841.89], A3: [841.89, 1190.55], Letter: [612, 792], Legal: [612, 1008] } as const;
const millimetre = 72 / 25.4;
const usual = 15;
const usualHeight = 12;

export interface Sheet {
  size: 'A4' | 'A3' | 'Letter' | 'Legal';
  /** Left, top, right, bottom, in points. */
  margins: [number, number, number, number];
}

export function sheetOf({ size = 'A4', margins = {} }: Page): Sheet {
  const { top = usualHeight, right = usual, bottom = usualHeight, left = usual } = margins;
  return { size, margins: [left * millimetre, top * millimetre, right * millimetre, bottom * millimetre] };
}

/** How wide pages can be, portrait first. */
export function roomsOf({ orientation = 'auto' }: Page, { size, margins: [left, , right] }: Sheet): Room[] {
  const [short, long] = sizes[size];
  const both: Room[] = [
    { orientation: 'portrait', width: short - left - right },
    { orientation: 'landscape', width: long - left - right },
  ];
  return orientation === 'auto' ? both : both.filter((room) => room.orientation === orientation);
}
