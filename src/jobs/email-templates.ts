/** What a submission asks of the templates of its tenant. */
export interface TemplateVersions {
  /**
   * The version that a job will send, once and for all.
   * @param pointer of `template` in the request.
   * @throws AppError `template_not_found`; `invalid_request` with pointers to variables that its schema refuses.
   */
  chosen(
    tenant: string,
    use: { name: string; version?: number | undefined; variables?: Record<string, unknown> | undefined },
    pointer: string,
  ): Promise<{ name: string; version: number; variables: Record<string, unknown> }>;
}
