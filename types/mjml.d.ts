declare module 'mjml' {
  interface Fault {
    line: number;
    message: string;
    tagName: string;
  }
  interface Options {
    validationLevel: 'skip' | 'soft' | 'strict';
    ignoreIncludes: boolean;
    keepComments: boolean;
    fonts: Record<string, string>;
    useMjmlConfigOptions: boolean;
    juiceOptions: Record<string, unknown>;
  }
  /** Rejects what is no MJML at all. */
  const mjml2html: (source: string, options: Partial<Options>) => Promise<{ html: string; errors: Fault[] }>;
  export default mjml2html;
}
