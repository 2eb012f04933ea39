/** A package that is known for what it does when it is installed, or first used. */
interface KnownDownloader {
  /** Of these versions; all where it is left out. */
  versions?: string;
  /** What to do about it; undefined for what needs nothing in spite of its scripts. */
  advice?: string;
}

const browsers = (variable: string): string =>
  `its browser comes from its maker's servers: set ${variable}=1 there, and bring a browser along`;
const own = (how: string): string => `its program comes from its maker's servers: ${how}`;

/**
 * Packages whose installation fetches from elsewhere than a registry, with what their makers offer
 * instead; and those that look so and need nothing.
 */
export const KNOWN_DOWNLOADERS: Readonly<Record<string, KnownDownloader>> = {
  // browsers
  puppeteer: { advice: `${browsers('PUPPETEER_SKIP_DOWNLOAD')} (PUPPETEER_EXECUTABLE_PATH), or use puppeteer-core` },
  playwright: { advice: `${browsers('PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD')} (copy PLAYWRIGHT_BROWSERS_PATH from a connected machine)` },
  'playwright-chromium': { advice: `${browsers('PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD')} (copy PLAYWRIGHT_BROWSERS_PATH)` },
  'playwright-firefox': { advice: `${browsers('PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD')} (copy PLAYWRIGHT_BROWSERS_PATH)` },
  'playwright-webkit': { advice: `${browsers('PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD')} (copy PLAYWRIGHT_BROWSERS_PATH)` },
  cypress: { advice: own('carry the zip of its download page and set CYPRESS_INSTALL_BINARY=/path/of/it, or CYPRESS_INSTALL_BINARY=0') },
  'phantomjs-prebuilt': { advice: own('put phantomjs on the PATH there') },
  chromedriver: { advice: own('set CHROMEDRIVER_SKIP_DOWNLOAD=true, or CHROMEDRIVER_FILEPATH to a copy') },
  geckodriver: { versions: '<4', advice: own('set GECKODRIVER_FILEPATH to a copy') },
  // applications
  electron: { advice: own('set ELECTRON_SKIP_BINARY_DOWNLOAD=1, or carry the zip in electron_config_cache, or ELECTRON_MIRROR to a server of yours') },
  nw: { advice: own('set NWJS_URLBASE to a server of yours') },
  // binaries
  sharp: { versions: '<0.33.0', advice: own('use sharp 0.33 or newer, whose binaries are packages; or set npm_config_sharp_libvips_local_prebuilds') },
  esbuild: { versions: '<0.13.0', advice: own('use esbuild 0.13 or newer, whose binaries are packages') },
  'node-sass': { advice: own('use sass, which is JavaScript; or carry the .node file and set SASS_BINARY_PATH') },
  '@prisma/engines': { advice: own('carry the engines of ~/.cache/prisma from a connected machine, or set PRISMA_ENGINES_MIRROR to a server of yours') },
  prisma: { versions: '>=3' },
  '@prisma/client': { versions: '>=3' },
  '@sentry/cli': { versions: '<2.17.0', advice: own('set SENTRYCLI_SKIP_DOWNLOAD=1, or SENTRYCLI_CDNURL to a server of yours') },
  'ffmpeg-static': { advice: own('set FFMPEG_BIN to a copy, or FFMPEG_BINARIES_URL to a server of yours') },
  'ffprobe-static': {},
  'mongodb-memory-server': { advice: own('set MONGOMS_SYSTEM_BINARY to a mongod there, or MONGOMS_DISABLE_POSTINSTALL=1') },
  ngrok: { advice: own('put ngrok on the machine and call it yourself') },
  supabase: { advice: own('install its command from its release page') },
  'hugo-bin': { advice: own('put hugo on the machine') },
  'hugo-extended': { advice: own('put hugo on the machine') },
  gifsicle: { advice: own('put gifsicle on the machine, or leave the optimiser out') },
  mozjpeg: { advice: own('put mozjpeg on the machine, or leave the optimiser out') },
  'optipng-bin': { advice: own('put optipng on the machine, or leave the optimiser out') },
  'pngquant-bin': { advice: own('put pngquant on the machine, or leave the optimiser out') },
  'jpegtran-bin': { advice: own('put jpegtran on the machine, or leave the optimiser out') },
  'cwebp-bin': { advice: own('put cwebp on the machine, or leave the optimiser out') },
  'appium-chromedriver': { advice: own('set APPIUM_SKIP_CHROMEDRIVER_INSTALL=1') },
  'selenium-standalone': { advice: own('carry the jar and the drivers') },
  'onnxruntime-node': { versions: '>=1.17', advice: own('set ONNXRUNTIME_NODE_INSTALL=skip where the processor alone computes') },
  '@tensorflow/tfjs-node': { advice: own('set TFJS_NODE_CDN_STORAGE to a server of yours, or use @tensorflow/tfjs') },
  // looks like it, and needs nothing
  'core-js': {},
  'core-js-pure': {},
  'core-js-bundle': {},
  husky: {},
  msw: {},
  'vue-demi': {},
  nx: {},
  protobufjs: {},
  preact: {},
  'styled-components': {},
  '@nestjs/core': {},
  '@angular/cli': {},
  '@scarf/scarf': { advice: 'it reports the installation to its maker: set SCARF_ANALYTICS=false there' },
  'unrs-resolver': {},
  '@swc/core': { versions: '>=1.2.200' },
  fsevents: { versions: '>=2' },
  node: {},
}; // prettier-ignore
