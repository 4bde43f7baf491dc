// docs/adr/0001-layout.md: who may import whom. Each comment says why, and what to do instead.

/** Packages by name, with their types. Also matches nested copies. */
const packages = (...names) => `(^|/)node_modules/(@types/)?(${names.join('|')})(/|$)`;
const nodeModules = '(^|/)node_modules/';
const temporal = packages('@temporalio');
const expressWorld = packages('express', 'express-serve-static-core', 'helmet', 'swagger-ui-dist');

/** Entry points, and the wiring that they share. */
const entryPoint =
  '^src/(cli|dev|api|worker|server|stores|protection|encryption-command|bounce-command|mail-providers|mail-providers-command|listen|temporal-link|data-sources|maintenance|scanner-readiness)\\.ts$';

/** Single files that may be used from everywhere, since they themselves load nothing of ours. */
const shared = '^src/(errors|io-memory|port-check|secret-shapes)\\.ts$';

/** What each outside-thing folder is there for. A new folder, or a new library, is a line here. */
const libraries = {
  mail: ['nodemailer', 'smtp-server', 'postal-mime', 'html-to-text', '@aws-sdk', 'standardwebhooks'],
  templates: ['liquidjs', 'mjml', 'juice', 'html-to-text', '@cfworker/json-schema'],
  storage: ['@aws-sdk', 'file-type'],
  archives: ['yauzl', 'tar'],
  scanning: [],
  database: ['kysely', 'pg', 'pg-cursor', '@electric-sql/pglite'],
  datasources: ['pg', 'mysql2', 'node-sqlite3-wasm'],
  reports: ['csv-parse', 'csv-stringify', 'piscina', 'pdfmake', 'fontkit', 'bidi-js', 'echarts', 'numfmt', 'sharp', '@duckdb'],
  images: ['sharp', 'file-type', 'thumbhash', 'exif-reader', 'heic-decode'],
  temporal: ['@temporalio'],
  encryption: [],
  identity: ['jose'],
  outbound: ['ipaddr.js'],
};

/** Any folder below src/ but the two of our own worlds; $1 is its name. */
const outsideThing = '^src/(?!(?:jobs|http)/)([^/]+)/';

const libraryRules = Object.entries(libraries).map(([folder, names]) => ({
  name: `${folder}-uses-its-own-library`,
  severity: 'error',
  comment: `src/${folder}/ wraps ${names.join(', ')} and nothing else, so that it can be replaced in one place. Is the package part of this outside thing? Add it to the table at the top of .dependency-cruiser.cjs. Otherwise it belongs into another folder, behind an interface.`,
  from: { path: `^src/${folder}/` },
  to: { path: nodeModules, pathNot: [packages(...names), temporal, expressWorld], dependencyTypesNot: ['type-only'] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'workflows-run-alone',
      severity: 'error',
      comment:
        'Workflow code is replayed in a sandbox: it may load only workflows/, @temporalio/workflow and @temporalio/common; no Node built-ins, no zod. Use `import type` for activities/ and src/jobs/; move work into an activity.',
      from: { path: '^workflows/' },
      to: { pathNot: ['^workflows/', packages('@temporalio/workflow', '@temporalio/common')], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'workflows-types-from',
      severity: 'error',
      comment:
        'Even types reach workflows only from activities/ and src/jobs/: others would tie recorded histories to code that changes for its own reasons. Declare the type in src/jobs/.',
      from: { path: '^workflows/' },
      to: {
        pathNot: ['^workflows/', '^activities/', '^src/jobs/', packages('@temporalio/workflow', '@temporalio/common')],
        dependencyTypes: ['type-only'],
      },
    },
    {
      name: 'activities-own-their-ports',
      severity: 'error',
      comment:
        'An activity must run in any worker and with fakes: at run time it loads activities/, src/errors.ts, @temporalio/activity, @temporalio/common and Node built-ins. No Express, no src/http, no Temporal client, no adapter: declare what you need as an interface, take it as a dependency of the factory, and let the entry point hand it in.',
      from: { path: '^activities/' },
      to: {
        pathNot: ['^activities/', '^src/errors\\.ts$', packages('@temporalio/activity', '@temporalio/common')],
        dependencyTypesNot: ['type-only', 'core'],
      },
    },
    {
      name: 'activities-reach-out-through-ports',
      severity: 'error',
      comment:
        'Files, sockets and processes are outside things: they belong behind an interface of the activity, implemented in a folder of src/, so that the activity can be tested without them.',
      from: { path: '^activities/' },
      to: {
        path: '^(node:)?(fs|net|tls|dns|dgram|http|https|http2|child_process|cluster|worker_threads)(/|$)',
        dependencyTypes: ['core'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'activities-types-from',
      severity: 'error',
      comment:
        'Types reach activities only from src/jobs/ and src/errors.ts: an implementation depends on the activity, never the reverse. Declare the interface here.',
      from: { path: '^activities/' },
      to: {
        pathNot: ['^activities/', '^src/jobs/', '^src/errors\\.ts$', packages('@temporalio/activity', '@temporalio/common')],
        dependencyTypes: ['type-only'],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'jobs-are-the-core',
      severity: 'error',
      comment:
        'src/jobs/ is what HTTP, workflows and adapters agree on: it loads zod, numfmt (the grammar of number formats), safe-stable-stringify, @temporalio/client, @temporalio/common, Node built-ins and src/errors.ts. No Express, no adapter, no database: declare an interface here and let a folder of src/ implement it.',
      from: { path: '^src/jobs/' },
      to: {
        pathNot: [
          '^src/jobs/',
          '^src/errors\\.ts$',
          packages('zod', 'numfmt', 'safe-stable-stringify', '@temporalio/client', '@temporalio/common'),
        ],
        dependencyTypesNot: ['type-only', 'core'],
      },
    },
    {
      name: 'jobs-types-from',
      severity: 'error',
      comment:
        'src/jobs/ takes types only from workflows/ (the registry checks job types against them) and from its own packages: types of an adapter or of Express would turn the dependency round. Declare the interface here.',
      from: { path: '^src/jobs/' },
      to: {
        pathNot: [
          '^src/jobs/',
          '^workflows/',
          '^src/errors\\.ts$',
          packages('zod', 'numfmt', 'safe-stable-stringify', '@temporalio/client', '@temporalio/common'),
        ],
        dependencyTypes: ['type-only'],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'http-gets-its-adapters',
      severity: 'error',
      comment:
        'src/http/ knows src/jobs, src/errors.ts and Express, even where only types are meant. No Temporal (use the JobClient of src/jobs), no adapters, no workflows, no activities, no src/config.ts: declare what you need as an interface; the entry point hands it in.',
      from: { path: '^src/http/' },
      to: {
        pathNot: [
          '^src/(http|jobs)/',
          '^src/(errors|secret-shapes)\\.ts$',
          packages(
            'express',
            'express-serve-static-core',
            'helmet',
            '@fastify/busboy',
            '@tus/server',
            'structured-headers',
            '@asteasolutions/zod-to-openapi',
            'swagger-ui-dist',
            'zod',
            'prom-client',
          ),
        ],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'outside-things-stand-alone',
      severity: 'error',
      comment:
        'A folder for an outside thing must be replaceable by itself: at run time it loads its own files, its own library and src/errors.ts; no other folder of src/, no workflows, no activities, no configuration. Take what you need as an argument; the entry point wires.',
      from: { path: outsideThing },
      to: { path: ['^(src|workflows|activities)/'], pathNot: ['^src/$1/', shared], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'outside-things-types-from',
      severity: 'error',
      comment:
        'An outside thing takes types from the interface that it implements (in src/jobs/, activities/ or another outside thing), never from HTTP, workflows, configuration or an entry point. Types are structural: return a matching object, and the compiler compares them where the entry point wires.',
      from: { path: outsideThing },
      to: { path: ['^src/http/', '^workflows/', '^src/[^/]+\\.ts$'], pathNot: [shared], dependencyTypes: ['type-only'] },
    },
    {
      name: 'outside-things-know-no-http',
      severity: 'error',
      comment:
        'What lies behind an interface is used by workers, too, where there is no Express. Take plain values; leave requests and responses to src/http/.',
      from: { path: outsideThing },
      to: { path: expressWorld },
    },
    ...libraryRules,
    {
      name: 'outside-things-are-listed',
      severity: 'error',
      comment:
        'Name the libraries of a new outside thing in the table at the top of .dependency-cruiser.cjs: one folder, one outside thing.',
      from: { path: outsideThing, pathNot: `^src/(${Object.keys(libraries).join('|')})/` },
      to: { path: nodeModules, pathNot: [temporal, expressWorld], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'temporal-in-its-places',
      severity: 'error',
      comment:
        'Temporal is known to src/jobs/, src/temporal/ (connections, dev server, tuning) and the entry points; src/config.ts reads its settings. Others, and be it for a type, take the JobClient of src/jobs or a plain value.',
      from: { path: '^src/', pathNot: ['^src/(jobs|temporal|http)/', '^src/config\\.ts$', entryPoint] },
      to: { path: temporal },
    },
    {
      name: 'one-job-client',
      severity: 'error',
      comment:
        'Within src/jobs/ only the files that make up the job client call Temporal; the others take the client, or what it has read, as an argument (`import type`).',
      from: {
        path: '^src/jobs/',
        pathNot: '^src/jobs/(client|outage|reading|job-actions|job-lists|bulk|explaining|queue-facts|previews|maintenance)\\.ts$',
      },
      to: { path: packages('@temporalio/client'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'config-is-pure',
      severity: 'error',
      comment:
        'src/config.ts turns an environment into settings and does nothing else: zod, @temporalio/envconfig, Node built-ins, src/errors.ts, its own parts src/config-*.ts. Whatever acts on a setting belongs into an entry point.',
      from: { path: '^src/config\\.ts$' },
      to: {
        pathNot: ['^src/(errors|config-[a-z]+)\\.ts$', packages('zod', '@temporalio/envconfig')],
        dependencyTypesNot: ['type-only', 'core'],
      },
    },
    {
      name: 'single-files-wire-nothing',
      severity: 'error',
      comment:
        'Only entry points (src/cli.ts, dev.ts, api.ts, worker.ts; server.ts, stores.ts, protection.ts, listen.ts, temporal-link.ts, data-sources.ts, maintenance.ts and scanner-readiness.ts, which they share, and the commands) put the parts together. Another file that lies directly in src/ loads packages and its like; give it what it needs as an argument.',
      from: { path: '^src/[^/]+\\.ts$', pathNot: [entryPoint, '^src/(config|errors)\\.ts$'] },
      to: { path: ['^src/[^/]+/', '^workflows/', '^activities/', entryPoint], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'errors-know-nothing',
      severity: 'error',
      comment:
        'src/errors.ts is loaded everywhere, in activities too: it may load nothing. What a code means in HTTP stands in src/http/problem.ts.',
      from: { path: '^src/errors\\.ts$' },
      to: {},
    },
    {
      name: 'client-stands-alone',
      severity: 'error',
      comment:
        'client/ is copied into other programs, browsers too: it loads openapi-fetch and its own files; no Node built-ins, nothing of src/, not even a type. What it must know of the API is in the OpenAPI document: describe it in src/http/openapi/, then `npm run openapi`.',
      from: { path: '^client/' },
      to: { pathNot: ['^client/', packages('openapi-fetch')] },
    },
    {
      name: 'product-needs-no-tests',
      severity: 'error',
      comment:
        'dist/ holds workflows/, activities/ and src/ only. Move the code into src/, or take its result from outside (argument, environment).',
      from: { path: '^(src|workflows|activities)/' },
      to: { path: '^(test|scripts|bench|examples|client)/' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Which of them is loaded first decides what breaks. Split the shared part out.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Not in package.json, or a wrong path. Relative imports end in .ts.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'production-needs-no-dev-packages',
      severity: 'error',
      comment: 'npm start installs no development packages. Move the package to dependencies.',
      from: { path: '^(src|activities|workflows)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    // Without it, type-only imports would not be seen at all.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
    // No cache: it would not notice a package that has gone.
  },
};
