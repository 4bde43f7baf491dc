import { AppError, type FieldError, invalid } from '../errors.ts';
import type { JsonSchema, TemplateStore, TemplateVersions } from './email-templates.ts';

type VariableFaults = (schema: JsonSchema, variables: Record<string, unknown>) => FieldError[];

/** For submissions. A name or version that is not there, and one of another tenant, are the same. */
export function createTemplateVersions(store: Pick<TemplateStore, 'schemaOf'>, variableFaults: VariableFaults): TemplateVersions {
  const choose: TemplateVersions['choose'] = async (tenant, { name, version }, pointer) => {
    const found = await store.schemaOf(tenant, name, version);
    if (found !== undefined) return { version: found.version, faultsOf: (variables) => variableFaults(found.schema, variables) };
    if (version === undefined) throw invalid(`${pointer}/name`, 'There is no such template.', 'template_not_found');
    throw invalid(`${pointer}/version`, 'There is no such version of this template.', 'template_not_found');
  };
  return {
    choose,
    async chosen(tenant, { name, version, variables = {} }, pointer) {
      const choice = await choose(tenant, { name, version }, pointer);
      const errors = choice.faultsOf(variables).map(({ pointer: place, detail }) => ({ pointer: `${pointer}/variables${place}`, detail }));
      const [first] = errors;
      if (first !== undefined) throw new AppError('invalid_request', `${first.pointer}: ${first.detail}`, { errors });
      return { name, version: choice.version, variables };
    },
  };
}
