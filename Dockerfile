# One image for every process of Handoff: `api` (default), `worker`, `keys create`. glibc, because Temporal's native core needs it.
# Base and Node version are pinned; the packages are pinned in package.json.
ARG NODE_IMAGE=node:22.23.2-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
# Packages in a layer of their own: they change far less often than the sources. `.npmrc` says ignore-scripts.
COPY package.json .npmrc ./
RUN npm install --omit=dev --ignore-scripts --no-update-notifier && npm cache clean --force
COPY scripts/build.mjs scripts/
COPY workflows workflows
COPY activities activities
COPY src src
RUN node scripts/build.mjs

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    HANDOFF_HOST=0.0.0.0 \
    HANDOFF_PORT=3000 \
    HANDOFF_DATA_DIR=/var/lib/handoff
WORKDIR /app
# What looks into PDFs and videos, in processes of its own (docs/uploads.md).
RUN apt-get update && apt-get install -y --no-install-recommends poppler-utils ffmpeg && rm -rf /var/lib/apt/lists/*
# A new named volume takes over owner and mode of the folder it is mounted on.
RUN install -d -o node -g node -m 0700 /var/lib/handoff
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# Only /var/lib/handoff and /tmp are written to: the root file system may be read-only.
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
# This machine's own certificate need not name 127.0.0.1. With HANDOFF_TLS_CLIENT_CA the check needs a certificate: give another one.
# Alive, not ready: a restart would not bring back a database or a Temporal that is away.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch(`http${process.env.HANDOFF_TLS_CERT_FILE ? 's' : ''}://127.0.0.1:${process.env.HANDOFF_PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/cli.js"]
CMD ["api"]
