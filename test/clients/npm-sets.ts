/** A real project to compare on: a package.json, and those of its workspaces. */
export interface NpmSet {
  title: string;
  manifest: Record<string, unknown>;
  /** Workspaces: folder to package.json. */
  folders?: Record<string, Record<string, unknown>>;
  /** Packages of which npm 10 chooses another version than npm 11 and X, where no lockfile says which. */
  npm10Differs?: readonly RegExp[];
  /** The npm versions that refuse the lockfile that they wrote a moment before as out of step (EUSAGE). */
  refusesItsOwn?: readonly string[];
  /** True where peers disagree so that npm refuses to choose (ERESOLVE), and x has to refuse as well. */
  refused?: true;
  /** True where npm 11 says less of a dry run than it installs, so that every platform is unpacked. */
  unpacked?: true;
  /** Also compared where not everything is: in `test:clients`. */
  everyday?: true;
}

const deps = (dependencies: Record<string, string>, dev: Record<string, string> = {}) => ({
  dependencies,
  devDependencies: dev,
});

/** Frameworks, build tools, test runners, native addons, workspaces; from one package to over a thousand. */
export const NPM_SETS: readonly NpmSet[] = [
  { title: 'one package', manifest: deps({ lodash: '^4' }), everyday: true },
  { title: 'express 4', manifest: deps({ express: '^4' }), everyday: true },
  {
    title: 'express 5 and its usual company',
    manifest: deps({ express: '^5', cors: '*', helmet: '*', morgan: '*', 'express-session': '*' }),
  },
  {
    title: 'react and vite',
    manifest: deps({ react: '^18', 'react-dom': '^18' }, { vite: '^5', '@vitejs/plugin-react': '^4' }),
    everyday: true,
  },
  {
    title: 'vue',
    manifest: deps(
      { vue: '^3', 'vue-router': '^4', pinia: '^2' },
      { vite: '^6', '@vitejs/plugin-vue': '^5', 'vue-tsc': '^2', typescript: '~5.6' },
    ),
  },
  {
    title: 'svelte kit',
    manifest: deps(
      {},
      {
        '@sveltejs/kit': '^2',
        '@sveltejs/adapter-auto': '^3',
        '@sveltejs/vite-plugin-svelte': '^5',
        svelte: '^5',
        vite: '^6',
      },
    ),
  },
  {
    title: 'next.js',
    manifest: deps(
      { next: '^14', react: '^18', 'react-dom': '^18' },
      { eslint: '^8', 'eslint-config-next': '^14', tailwindcss: '^3', typescript: '^5' },
    ),
  },
  {
    title: 'nuxt',
    refusesItsOwn: ['10'],
    manifest: deps({ nuxt: '^3', vue: '^3' }),
    // Optional peers that something else displaced: npm 11 brings them back in the version that is wanted.
    npm10Differs: [/^commander@1[3-9]\./, /^@nuxt\/schema@4/],
  },
  {
    title: 'create-react-app',
    manifest: deps({ 'react-scripts': '^5', react: '^18', 'react-dom': '^18' }),
    // An optional peer wants TypeScript 4 at the most; npm 10 does not look at those when it chooses.
    npm10Differs: [/^(@typescript\/)?typescript/],
  },
  {
    title: 'angular',
    refusesItsOwn: ['10'],
    manifest: deps(
      {
        '@angular/common': '^18', '@angular/compiler': '^18', '@angular/core': '^18',
        '@angular/forms': '^18', '@angular/platform-browser': '^18',
        '@angular/platform-browser-dynamic': '^18', '@angular/router': '^18', rxjs: '~7.8',
        tslib: '^2', 'zone.js': '~0.14',
      },
      {
        '@angular-devkit/build-angular': '^18', '@angular/cli': '^18', '@angular/compiler-cli': '^18',
        karma: '~6.4', 'karma-jasmine': '~5.1', typescript: '~5.5',
      },
    ),
  },
  {
    title: 'nest',
    manifest: deps(
      { '@nestjs/common': '^10', '@nestjs/core': '^10', '@nestjs/platform-express': '^10', rxjs: '^7', 'reflect-metadata': '*' },
      { '@nestjs/cli': '^10', '@nestjs/testing': '^10', jest: '^29', 'ts-jest': '^29', typescript: '^5' },
    ),
  },
  { title: 'docusaurus', manifest: deps({ '@docusaurus/core': '^3', '@docusaurus/preset-classic': '^3', react: '^18', 'react-dom': '^18' }) },
  { title: 'react native', manifest: deps({ react: '18.3.1', 'react-native': '0.76.x' }, { '@react-native/babel-preset': '0.76.x' }) },
  { title: 'storybook', manifest: deps({ react: '^18', 'react-dom': '^18' }, { storybook: '^8', '@storybook/react-vite': '^8', vite: '^5' }) },
  { title: 'eslint and typescript', manifest: deps({}, { eslint: '^9', 'typescript-eslint': '^8', typescript: '~5.6', prettier: '^3' }) },
  { title: 'jest', manifest: deps({}, { jest: '^29', 'ts-jest': '^29', '@types/jest': '^29', typescript: '^5' }) },
  { title: 'vitest', manifest: deps({}, { vitest: '^2', '@vitest/coverage-v8': '^2', jsdom: '^25' }) },
  { title: 'mocha, sinon and nyc', manifest: deps({}, { mocha: '^10', chai: '^4', sinon: '^18', nyc: '^17' }) },
  { title: 'cypress and playwright', manifest: deps({}, { cypress: '^13', '@playwright/test': '^1' }) },
  {
    title: 'webpack',
    manifest: deps({}, { webpack: '^5', 'webpack-cli': '^5', 'webpack-dev-server': '^5', 'css-loader': '^7', 'ts-loader': '^9', typescript: '^5' }),
  },
  { title: 'rollup', manifest: deps({}, { rollup: '^4', '@rollup/plugin-node-resolve': '^15', '@rollup/plugin-terser': '^0.4' }) },
  { title: 'parcel', manifest: deps({}, { parcel: '^2' }) },
  { title: 'gulp', manifest: deps({}, { gulp: '^4', 'gulp-sass': '^5', sass: '^1' }) },
  { title: 'babel', manifest: deps({ '@babel/core': '^7', '@babel/preset-env': '^7', '@babel/preset-react': '^7' }) },
  { title: 'binaries in optional packages', manifest: deps({ esbuild: '^0.25', '@swc/core': '^1', lightningcss: '^1', turbo: '^2', '@biomejs/biome': '^1' }) },
  { title: 'sharp', manifest: deps({ sharp: '^0.33' }), everyday: true },
  { title: 'sharp before optional packages', manifest: deps({ sharp: '^0.32' }) },
  { title: 'addons that are built', manifest: deps({ 'better-sqlite3': '^11', bcrypt: '^5', 'node-sass': '^9', canvas: '^2', argon2: '^0.41' }) },
  { title: 'prisma and its client', manifest: deps({ '@prisma/client': '^5' }, { prisma: '^5' }) },
  { title: 'electron', manifest: deps({}, { electron: '^32', 'electron-builder': '^25' }) },
  { title: 'a cloud’s clients', manifest: deps({ '@aws-sdk/client-s3': '^3', '@aws-sdk/client-dynamodb': '^3' }) },
  {
    title: 'peers that disagree',
    manifest: deps({ react: '^17', 'react-dom': '^17', '@testing-library/react': '^12', 'react-redux': '^7' }),
  },
  {
    title: 'overrides and an alias',
    manifest: { ...deps({ express: '^4.18', old: 'npm:lodash@^3', lodash: '^4' }), overrides: { qs: '6.11.0' } },
  },
  { title: 'a package that bundles its own', manifest: deps({ npm: '^10' }) },
  { title: 'old packages', manifest: deps({ request: '*', underscore: '~1.8', 'socket.io': '^2', grunt: '^1' }) },
  {
    title: 'workspaces that want different versions',
    manifest: { workspaces: ['packages/*'], ...deps({}, { typescript: '^5' }) },
    folders: {
      'packages/a': { name: 'a', version: '1.0.0', ...deps({ react: '^18', chalk: '^4', b: '^1' }) },
      'packages/b': { name: 'b', version: '1.0.0', ...deps({ react: '^17', chalk: '^5' }, { vitest: '^2' }) },
      'packages/c': { name: '@own/c', version: '2.0.0', ...deps({ a: '*', esbuild: '^0.21' }) },
    },
    everyday: true,
  },
  {
    title: 'workspaces in a tree, with peers',
    manifest: { workspaces: ['apps/*', 'libs/ui'], ...deps({}, { turbo: '^2', eslint: '^8' }) },
    folders: {
      'apps/web': { name: 'web', version: '0.0.0', ...deps({ next: '^14', react: '^18', 'react-dom': '^18', '@own/ui': '*' }) },
      'apps/api': { name: 'api', version: '0.0.0', ...deps({ fastify: '^4', '@prisma/client': '^5' }, { tsx: '^4' }) },
      'libs/ui': {
        name: '@own/ui', version: '0.0.0', peerDependencies: { react: '^18', 'react-dom': '^18' },
        ...deps({ '@radix-ui/react-dialog': '^1', clsx: '^2' }),
      },
    },
  },
  {
    title: 'react router',
    manifest: deps(
      { 'react-router': '~7.9', '@react-router/node': '~7.9', '@react-router/serve': '~7.9', isbot: '^5', react: '^19', 'react-dom': '^19' },
      { '@react-router/dev': '~7.9', '@tailwindcss/vite': '^4', '@types/react': '^19', tailwindcss: '^4', typescript: '^5', vite: '^6', 'vite-tsconfig-paths': '^5' },
    ),
  },
  { title: 'peers that npm refuses', refused: true, manifest: deps({ react: '^16', 'react-dom': '^16', '@testing-library/react': '^16', '@testing-library/dom': '^10' }) },
  { title: 'astro', manifest: deps({ astro: '^5', '@astrojs/react': '^4', '@astrojs/mdx': '^4', '@astrojs/sitemap': '^3', react: '^18', 'react-dom': '^18' }, { '@astrojs/check': '*', prettier: '^3', 'prettier-plugin-astro': '*' }) },
  {
    title: 'svelte kit with linters and browsers',
    manifest: deps({}, {
      '@sveltejs/adapter-node': '^5', '@sveltejs/kit': '^2', '@sveltejs/vite-plugin-svelte': '^6', svelte: '^5', vite: '^7', 'svelte-check': '^4',
      'eslint-plugin-svelte': '^3', eslint: '^9', 'prettier-plugin-svelte': '^3', prettier: '^3', '@playwright/test': '^1', vitest: '^3', typescript: '^5',
    }),
  },
  {
    title: 'fastify, drizzle and kysely',
    manifest: deps(
      { fastify: '^5', '@fastify/swagger': '^9', '@fastify/jwt': '^9', 'drizzle-orm': '^0.44', kysely: '^0.28', pg: '^8', mysql2: '^3', zod: '^3', pino: '^9' },
      { 'drizzle-kit': '^0.31', 'pino-pretty': '*', tsx: '^4', tsup: '^8', tap: '^21' },
    ),
  },
  {
    title: 'electron forge',
    manifest: deps({ 'electron-squirrel-startup': '^1' }, {
      '@electron-forge/cli': '^7', '@electron-forge/maker-deb': '^7', '@electron-forge/maker-rpm': '^7', '@electron-forge/maker-squirrel': '^7',
      '@electron-forge/maker-zip': '^7', '@electron-forge/plugin-vite': '^7', '@electron-forge/plugin-fuses': '^7', '@electron/fuses': '^1', electron: '^36', vite: '^5',
    }),
  },
  {
    title: 'a monorepo of next.js, hono and shared settings',
    manifest: { workspaces: ['apps/*', 'packages/*'], ...deps({}, { turbo: '^2', prettier: '^3', typescript: '5.8.x' }) },
    folders: {
      'apps/web': { name: 'web', version: '0.1.0', ...deps({ next: '^15', react: '^19', 'react-dom': '^19', '@repo/ui': '*' }, { '@repo/eslint-config': '*', eslint: '^9' }) },
      'apps/docs': { name: 'docs', version: '0.1.0', ...deps({ next: '^14', react: '^18', 'react-dom': '^18' }, { '@types/react': '^18' }) },
      'apps/api': { name: 'api', version: '0.1.0', ...deps({ hono: '^4', '@hono/node-server': '^1', zod: '^4' }, { tsx: '^4', vitest: '^3' }) },
      'packages/ui': { name: '@repo/ui', version: '0.0.0', peerDependencies: { react: '>=18' }, ...deps({ '@radix-ui/react-slot': '^1', 'lucide-react': '*' }, { '@types/react': '^19' }) },
      'packages/eslint-config': { name: '@repo/eslint-config', version: '0.0.0', ...deps({}, { '@eslint/js': '^9', 'eslint-config-prettier': '^10', 'eslint-plugin-turbo': '^2', 'typescript-eslint': '^8' }) },
    },
  },
  { title: 'tailwind, vite, esbuild and rollup', unpacked: true, manifest: deps({}, { tailwindcss: '^4', '@tailwindcss/postcss': '^4', '@tailwindcss/cli': '^4', postcss: '^8', autoprefixer: '^10', vite: '^7', esbuild: '^0.25', rollup: '^4', rolldown: '*', '@parcel/watcher': '^2', oxlint: '^1' }) },
  {
    title: 'overrides, aliases and peers that disagree',
    manifest: {
      ...deps(
        { react: '^18', 'react-17': 'npm:react@^17', 'react-dom': '^18', 'react-redux': '^8', 'react-select': '^5', 'lodash-3': 'npm:lodash@3', lodash: '^4', 'styled-components': '^5' },
        { webpack: '^5', 'webpack-cli': '^5', eslint: '^8', 'eslint-plugin-react': '^7' },
      ),
      overrides: { 'styled-components': { 'react-is': '17.0.2' }, semver: '^7', minimatch: { 'brace-expansion': '1.1.11' }, lodash: '$lodash', terser: '5.30.0' },
    },
  },
  { title: 'expo', manifest: deps({ expo: '~52.0', 'expo-router': '~4.0', 'expo-status-bar': '~2.0', react: '18.3.1', 'react-native': '0.76.x', 'react-native-web': '~0.19', 'react-dom': '18.3.1' }, { '@babel/core': '^7', 'jest-expo': '~52.0', typescript: '^5' }) },
  { title: 'editors, maps and scenes', manifest: deps({ three: '*', '@react-three/fiber': '^8', '@react-three/drei': '^9', 'monaco-editor': '^0.52', 'maplibre-gl': '^5', d3: '^7', codemirror: '^6', react: '^18', 'react-dom': '^18' }) },
  { title: 'the years of grunt and bower', refusesItsOwn: ['11'], manifest: deps({ bower: '^1', async: '~0.9', jade: '~1.11', mongoose: '~3.8', express: '~3.21' }, { grunt: '~0.4', 'grunt-contrib-uglify': '~0.11', 'grunt-contrib-jshint': '~0.11', 'grunt-contrib-less': '~1.0', karma: '~0.13', 'phantomjs': '^1.9', 'browserify': '~9' }) },
  {
    title: 'lerna and nx',
    manifest: { workspaces: ['packages/*'], ...deps({}, { lerna: '^8', nx: '^20', '@nx/js': '^20', '@nx/vite': '^20' }) },
    folders: {
      'packages/one': { name: '@own/one', version: '1.0.0', ...deps({ '@own/two': '^1.0.0', tslib: '^2', commander: '^11' }) },
      'packages/two': { name: '@own/two', version: '1.1.0', ...deps({ commander: '^8' }), optionalDependencies: { fsevents: '^2' } },
    },
  },
  { title: 'gatsby', manifest: deps({ gatsby: '^5', react: '^18', 'react-dom': '^18', 'gatsby-plugin-image': '^3', 'gatsby-plugin-sharp': '^5', 'gatsby-transformer-sharp': '^5' }) },
  { title: 'ember', manifest: deps({}, { 'ember-cli': '~5.12', 'ember-source': '~5.12', 'ember-data': '~5.3', 'ember-cli-babel': '^8', '@ember/test-helpers': '^3', 'ember-qunit': '^8', qunit: '^2', webpack: '^5' }) },
  {
    title: 'ionic and capacitor',
    manifest: deps({ '@ionic/vue': '^8', '@ionic/vue-router': '^8', ionicons: '^7', vue: '^3', 'vue-router': '^4', '@capacitor/core': '^7', '@capacitor/app': '^7' }, { '@capacitor/cli': '^7', '@vitejs/plugin-legacy': '^5', '@vitejs/plugin-vue': '^5', vite: '~5.2', cypress: '^13', 'vue-tsc': '^2', typescript: '~5.6' }),
  },
]; // prettier-ignore
