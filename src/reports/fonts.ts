import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { type Font, openSync } from 'fontkit';

/** A font file, and which of it when there are several. */
export interface FontFile {
  path: string;
  /** Within a collection. */
  postscriptName?: string;
}

export interface FontFamily {
  name: string;
  normal: FontFile;
  /** The normal one when there is none. */
  bold: FontFile;
  has: (codePoint: number) => boolean;
  /** In thousandths of the font size. */
  advance: (codePoint: number, bold: boolean) => number;
}

const packaged = createRequire(import.meta.url);
/** In the order in which they are asked for a character. */
const shipped = [
  {
    name: 'Noto Sans',
    normal: '@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf',
    bold: '@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf',
  },
  {
    name: 'Noto Emoji',
    normal: '@expo-google-fonts/noto-emoji/400Regular/NotoEmoji_400Regular.ttf',
    bold: '@expo-google-fonts/noto-emoji/700Bold/NotoEmoji_700Bold.ttf',
  },
  { name: 'DejaVu Sans', normal: 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf', bold: 'dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf' },
];

/** The fonts that come along, and then those in a directory. @throws Error when the directory or a font can't be read */
export function findFonts(directory?: string): FontFamily[] {
  const own = shipped.map(({ name, normal, bold }) => {
    const [plain, strong] = [packaged.resolve(normal), packaged.resolve(bold)];
    return family(name, opened({ path: plain }), opened({ path: strong }));
  });
  return directory === undefined ? own : [...own, ...fontsIn(directory)];
}

interface OpenFont extends FontFile {
  font: Font;
}

function opened({ path, postscriptName }: FontFile): OpenFont {
  return { path, ...(postscriptName !== undefined && { postscriptName }), font: openSync(path, postscriptName) as Font };
}

function fontsIn(directory: string): FontFamily[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const styles = names.filter((name) => /\.(ttf|otf|ttc)$/i.test(name)).flatMap((name) => stylesIn(join(directory, name)));
  const families = new Map<string, { normal?: OpenFont; bold?: OpenFont }>();
  for (const style of styles) {
    const { familyName, subfamilyName } = style.font;
    const known = families.get(familyName) ?? {};
    if (/^(regular|book|normal|roman)$/i.test(subfamilyName)) known.normal ??= style;
    if (/^bold$/i.test(subfamilyName)) known.bold ??= style;
    families.set(familyName, known);
  }
  return [...families].flatMap(([name, { normal, bold }]) => {
    const plain = normal ?? bold;
    return plain === undefined ? [] : [family(name, plain, bold ?? plain)];
  });
}

function stylesIn(path: string): OpenFont[] {
  const found = openSync(path);
  if (!('fonts' in found)) return [{ path, font: found }];
  return found.fonts.map((font) => ({ path, postscriptName: font.postscriptName, font }));
}

function family(name: string, normal: OpenFont, bold: OpenFont): FontFamily {
  const width = ({ font }: OpenFont) => {
    const known = new Map<number, number>();
    return (codePoint: number) => {
      const before = known.get(codePoint);
      if (before !== undefined) return before;
      const advance = (font.glyphForCodePoint(codePoint).advanceWidth * 1000) / font.unitsPerEm;
      known.set(codePoint, advance);
      return advance;
    };
  };
  const [plain, strong] = [width(normal), width(bold)];
  const file = ({ path, postscriptName }: OpenFont): FontFile => ({ path, ...(postscriptName !== undefined && { postscriptName }) });
  return {
    name,
    normal: file(normal),
    bold: file(bold),
    has: (codePoint) => normal.font.hasGlyphForCodePoint(codePoint) && bold.font.hasGlyphForCodePoint(codePoint),
    advance: (codePoint, strongly) => (strongly ? strong : plain)(codePoint),
  };
}
