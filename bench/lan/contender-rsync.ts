import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from './contender.js';
import { whyNoCommand } from './host-process.js';

const PORT = 873;

/** Everybody runs `rsync -a` against one daemon, then `sync -f`: on disk means on disk. */
export const rsyncContender: Contender = {
  name: 'rsync',
  whyNot: () => whyNoCommand('rsync'),
  needsPlain: true,
  prepare: () => Promise.resolve(),
  source: async ({ content, folder }) => {
    const config = join(folder, 'rsyncd.conf');
    const options = `uid = root\ngid = root\nuse chroot = no\nlog file = ${folder}/rsyncd.log\n`;
    await writeFile(config, `${options}[content]\npath = ${content.plain}\nread only = yes\n`);
    return {
      command: ['rsync', '--daemon', '--no-detach', `--port=${PORT}`, `--config=${config}`],
    };
  },
  serving: { port: PORT },
  client: async ({ lan, folder }, host) => {
    const own = join(folder, `rsync-${host}`);
    await mkdir(own);
    const from = `rsync://${lan.address(0)}:${PORT}/content/`;
    return {
      manner: 'plain',
      command: ['sh', '-ec', `rsync -a '${from}' '${own}/'; sync -f '${own}'`],
    };
  },
};
