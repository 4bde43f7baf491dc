import type { Content } from 'pdfmake';

import { beginsBackwards, ownLines, runsBackwards } from './own-lines.ts';
import type { TypeSetter } from './type-setting.ts';

interface Looks {
  fontSize: number;
  bold?: boolean;
  color?: string;
  /** Of the place where it stands, in points. */
  width: number;
}

/** Text outside of the table. */
export function pdfText(setter: TypeSetter) {
  return (said: string, { width: room, ...looks }: Looks): Content => {
    const text = setter.shown(said);
    if (!runsBackwards(text)) return { text: setter.runs(text), ...looks };
    const width = (piece: string) => (setter.width(piece, looks.bold) * looks.fontSize) / 1000;
    const lines = ownLines(text, room * 0.97, width).map((pieces) => ({
      text: pieces.flatMap((piece) => setter.runs(piece)),
      noWrap: true,
    }));
    return { stack: lines, ...looks, ...(beginsBackwards(text) && { alignment: 'right' }) };
  };
}
