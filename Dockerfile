ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

# What runs, and nothing else. Left out as optional: native speed-ups that have no part in it, and Prisma's command line,
# a peer of its client. Of the client's 20 query compilers one is used; maps and types are for development.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional \
  && find node_modules/@prisma/client/runtime -name 'query_compiler_*' ! -name 'query_compiler_small_bg.postgresql.*' -delete \
  && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Otpost" \
  org.opencontainers.image.description="Accounts, one-time codes, and the mail that carries them, with a receipt for every message." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}"
RUN apt-get update \
  && apt-get install -y --no-install-recommends supervisor \
  && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /opt/yarn-* \
  && rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE start.sh supervisord.conf ./
COPY prisma/migrations prisma/migrations
COPY templates/parts templates/parts
COPY hooks-in hooks-in
COPY --from=build /app/dist dist
RUN chmod 755 start.sh dist/cli.js && ln -s /app/dist/cli.js /usr/local/bin/otpost
# Any other user will do as well; nothing is written but /tmp. By number, so that Kubernetes can tell it is not root.
USER 1000:1000
ENV NODE_ENV=production HOST=0.0.0.0
EXPOSE 3000
# A worker answers only where WORKER_PORT is set; without it, that it runs is all there is to see.
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 CMD ["node", "-e", "const { ROLE, PORT = '3000', WORKER_PORT } = process.env; const port = ROLE === 'worker' ? WORKER_PORT : PORT; if (port) fetch('http://127.0.0.1:' + port + '/health/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The image's own entrypoint would run node on what is not a command. No init either: supervisord and node see to their
# children and to SIGTERM themselves.
ENTRYPOINT []
CMD ["/app/start.sh"]
